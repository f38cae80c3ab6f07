"""The world as a value: lookup, updates whole or not at all, and what is no world."""

from __future__ import annotations

import pytest

from edge_agent import limits
from edge_agent.errors import ClientFault, Code
from edge_agent.world.entities import Entity
from edge_agent.world.store import World

BOX = Entity("red box", "item", aliases=("Crimson Box", "carton"))
DOCK = Entity("Dock 3", "place", aliases=("bay", "carton"))
WORLD = World.of([BOX, DOCK])


@pytest.mark.parametrize(
    ("name", "found"),
    [
        pytest.param("red box", BOX, id="name"),
        pytest.param("RED BOX", BOX, id="other-case"),
        pytest.param("dock 3", DOCK, id="name-in-lower-case"),
        pytest.param("crimson box", BOX, id="alias"),
        pytest.param("carton", None, id="alias-of-two"),
        pytest.param("dock", None, id="part-of-a-name"),
    ],
)
def test_an_entity_is_found_by_name_or_by_an_alias_that_is_its_own(name: str, found: Entity | None) -> None:
    """Exact but for case; an alias of two entities finds neither."""
    assert WORLD.entity(name) == found


def test_a_name_goes_before_an_alias() -> None:
    """The entity called so is meant, not one that is also called so."""
    bay = Entity("bay", "place")
    assert WORLD.updated([], [bay]).entity("bay") == bay


def test_an_update_removes_replaces_and_adds() -> None:
    """Replaced in place, new at the end, the revision one higher; the old world is untouched."""
    changed_box = Entity("Red Box", "item", aliases=("big box",))
    robot = Entity("trolley", "item")
    after = WORLD.updated(["dock 3"], [changed_box, robot])
    assert after.entities == (changed_box, robot)
    assert after.revision == 1
    assert after.entity("big box") == changed_box
    assert after.entity("crimson box") is None
    assert after.entity("dock 3") is None
    assert WORLD.entities == (BOX, DOCK)
    assert WORLD.entity("crimson box") == BOX


def test_an_updated_world_equals_one_made_anew() -> None:
    """No trace of the way it was reached but the revision; lookups agree."""
    extra = Entity("carton", "item")
    step = WORLD.updated(["red box"], [extra]).updated(["carton"], [BOX])
    anew = World.of(step.entities)
    assert step.entities == anew.entities == (DOCK, BOX)
    for name in ("red box", "dock 3", "carton", "crimson box", "bay"):
        assert step.entity(name) == anew.entity(name)


def test_a_name_may_stand_for_two_kinds() -> None:
    """The same name under another kind is another entity."""
    place = Entity("red box", "place")
    after = WORLD.updated([], [place])
    assert after.entities == (BOX, DOCK, place)


@pytest.mark.parametrize(
    ("remove", "add", "where"),
    [
        pytest.param(["blue box"], [], "remove.0", id="unknown-name"),
        pytest.param([], [Entity("lamp"), Entity(" ")], "add.1.name", id="blank-name"),
        pytest.param([], [Entity("...")], "add.0.name", id="no-word"),
        pytest.param([], [Entity("x" * (limits.NAME_CHARS_MAX + 1))], "add.0.name", id="long-name"),
        pytest.param([], [Entity("red\nbox")], "add.0.name", id="line-break"),
        pytest.param([], [Entity("red \u202ebox")], "add.0.name", id="bidi-override"),
        pytest.param([], [Entity("lamp", aliases=("ok", "--"))], "add.0.aliases.1", id="bad-alias"),
        pytest.param([], [Entity("lamp", aliases=("x",) * 33)], "add.0.aliases", id="too-many-aliases"),
        pytest.param([], [Entity("lamp", kind="\x00")], "add.0.kind", id="bad-kind"),
        pytest.param([], [Entity("Lamp", "item"), Entity("lamp", "item")], "add.1.name", id="twice-in-one-update"),
    ],
)
def test_a_bad_update_is_refused_whole(remove: list[str], add: list[Entity], where: str) -> None:
    """The error names the field, and nothing of the update holds."""
    with pytest.raises(ClientFault) as refused:
        WORLD.updated(remove, add)
    assert refused.value.code is Code.WORLD_INVALID
    assert refused.value.where == where
    assert WORLD.entities == (BOX, DOCK)


def test_a_world_with_one_thing_twice_is_refused() -> None:
    """Same name, whatever its case, and same kind."""
    with pytest.raises(ClientFault) as refused:
        World.of([Entity("lamp", "item"), Entity("cup", "item"), Entity("LAMP", "item")])
    assert refused.value.where == "entities.2.name"


def test_a_world_beyond_its_limit_is_refused() -> None:
    """One entity too many, in the making or by an update."""
    full = World(tuple(Entity(f"bin {number}") for number in range(limits.WORLD_ENTITIES_MAX)))
    with pytest.raises(ClientFault, match="at most"):
        full.updated([], [Entity("one more")])
    with pytest.raises(ClientFault, match="at most"):
        World.of([*full.entities, Entity("one more")])
