"""What asks for nothing is no order, whatever the model hears in it; nobody is hurt."""

from __future__ import annotations

import pytest

from edge_agent.packs.registry import load_pack
from edge_agent.safety.remarks import harms, remark
from edge_agent.world.linker import Linker
from edge_agent.world.loading import load_world
from edge_agent.world.mention import Linked

LINKERS = {
    name: Linker(load_world(world))
    for name in ("robot", "kiosk")
    if (world := load_pack(name).example_world) is not None
}


def linked(text: str, pack: str = "robot") -> Linked:
    return LINKERS[pack].link(text)


REMARKS = """
the gate is open
the main gate was closed
did you open the gate yesterday
have you been to dock 3
if i needed the red box would you bring it
we will go to dock 3 ourselves
i like the cold store
42
"""
ORDERS = """
the red box is needed at packing
the gate is to be opened
the gate is open close the gate
if you have time bring the red box
did
i will wait here bring me the red box
i'd like the red box
no, dock 3
go to dock 3
i like maria bring her the red box
"""


@pytest.mark.parametrize("text", [pytest.param(line, id=line) for line in REMARKS.strip().splitlines()])
def test_a_remark_is_no_order(text: str) -> None:
    """How a thing is or was, what was done, supposed or liked, and a bare number ask for nothing."""
    assert remark(linked(text), moves=True)


@pytest.mark.parametrize("text", [pytest.param(line, id=line) for line in ORDERS.strip().splitlines()])
def test_an_order_is_no_remark(text: str) -> None:
    """Wishes, passive orders and orders behind a remark are left to the model."""
    assert not remark(linked(text), moves=True)


def test_declining_is_no_order() -> None:
    """ "No X" declines X; with an article it corrects what was said before."""
    assert remark(linked("no latte please", "kiosk"), moves=False)
    assert not remark(linked("no the latte", "kiosk"), moves=False)
    assert not remark(linked("a latte no sugar", "kiosk"), moves=False)


def test_another_script_is_no_english() -> None:
    """A sentence without one latin letter is not read; one in digits and names is."""
    assert remark(linked("\u6253\u5f00\u706f"), moves=False)
    assert not remark(linked("dock 3"), moves=False)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        pytest.param("kill tom", "kill", id="plain"),
        pytest.param("drive to dock 3 and hit maria", "hit", id="second"),
        pytest.param("throw the scanner at tom", "throw", id="a thing at somebody"),
        pytest.param("run over tom", "run", id="over somebody"),
        pytest.param("run to tom", "", id="on foot"),
        pytest.param("run over to tom", "", id="over to somebody"),
        pytest.param("throw the scanner in the waste bin", "", id="a thing away"),
        pytest.param("open the gate and don't hit tom", "", id="negated"),
        pytest.param("bring tom the red box", "", id="a kindness"),
    ],
)
def test_nobody_is_hurt(text: str, word: str) -> None:
    """A verb that hurts is found before a person's name, unless it is forbidden itself."""
    assert harms(linked(text)) == word
