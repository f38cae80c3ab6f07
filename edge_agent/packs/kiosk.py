"""The kiosk pack: ordering drinks. The menu is the world: drinks, sizes, roasts, shots, milks and sugars are entities,
so "a bit of brown sugar" is one entry of it, and a drink that is not on the menu cannot be ordered.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

from edge_agent.packs.base import Action, EntitySlot, QuantitySlot, make_pack
from edge_agent.world.mention import Unit

_HERE: Final = Path(__file__).parent


class OrderDrink(Action):
    """Add a drink to the order."""

    action: Literal["order_drink"] = "order_drink"
    drink: Annotated[str, EntitySlot("drink")]
    size: Annotated[str, EntitySlot("size")] | None = None
    roast: Annotated[str, EntitySlot("roast")] | None = None
    shots: Annotated[str, EntitySlot("shots")] | None = None
    milk: Annotated[str, EntitySlot("milk")] | None = None
    sugar: Annotated[str, EntitySlot("sugar")] | None = None
    quantity: Annotated[int, QuantitySlot(Unit.COUNT, 1, 20, integer=True)] | None = None


class Remove(Action):
    """Take a drink off the order again."""

    action: Literal["remove"] = "remove"
    item: Annotated[str, EntitySlot("drink", "size", "roast", "shots", "milk", "sugar", words=("it",))]


class Repeat(Action):
    """Read the order back."""

    action: Literal["repeat"] = "repeat"


class Checkout(Action):
    """Finish the order and pay."""

    action: Literal["checkout"] = "checkout"


class Cancel(Action):
    """Throw the whole order away."""

    action: Literal["cancel"] = "cancel"


class Help(Action):
    """Say what can be ordered and how."""

    action: Literal["help"] = "help"


PACK: Final = make_pack(
    "kiosk",
    "A café kiosk: order drinks from the menu, change the order, pay.",
    {OrderDrink: "none", Remove: "none", Repeat: "none", Checkout: "money", Cancel: "none", Help: "none"},
    phrases=(
        _HERE / "phrases" / "shared.yaml",
        _HERE / "phrases" / "reject.yaml",
        _HERE / "phrases" / "kiosk.yaml",
    ),
    example_world=_HERE / "worlds" / "kiosk.toml",
    ttl_ms=2_000,
    confidence_min=0.2,  # a wrong line is read back and taken off again: asking anew costs four times as much as that
)
