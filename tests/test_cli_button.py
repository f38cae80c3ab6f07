"""A button beside the machine: what one press agrees to, and what it never does."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from node_harness import Node, fresh_node

from edge_agent import limits
from edge_agent.cli.presses import KeyPresses
from edge_agent.client.waiting import Waiting
from edge_agent.errors import Code, ConfigurationFault, NodeFault
from edge_agent.messages import ActionState, OpenAction, Snapshot, StateEvent, Unconfirmed

READ_MS = limits.PRESS_UNREAD_MS
ENTER = 28


def event(action_id: str, robot: str = "porter", *, waits: bool = True) -> StateEvent:
    return StateEvent(
        epoch=1,
        event_seq=1,
        command_id="c-1-1",
        action_id=action_id,
        robot=robot,
        action={"action": "dock"},
        state=ActionState.WAITING,
        unconfirmed=Unconfirmed(digest="0" * 64, expires_in_ms=9_000) if waits else None,
    )


def snapshot(*events: StateEvent, truncated: bool = False) -> Snapshot:
    fields = {"command_id", "action_id", "robot", "action", "state", "unconfirmed"}
    return Snapshot(
        request_id="r",
        epoch=1,
        event_seq=1,
        version="0",
        packs=("robot",),
        engine_ready=True,
        open=tuple(OpenAction.model_validate(one.model_dump(include=fields)) for one in events),
        truncated=truncated,
    )


def test_a_press_means_the_one_action_that_waits() -> None:
    """Beside others that are open and wait for nobody."""
    waiting, one, busy = Waiting(), event("a"), event("b", waits=False)
    assert waiting.hear(one, 0.0) and not waiting.hear(busy, 0.0)
    meant = waiting.meant(snapshot(one, busy), READ_MS)
    assert isinstance(meant, OpenAction) and meant.action_id == "a"


@pytest.mark.parametrize(
    ("shown", "now_waiting", "pressed_ms", "why"),
    [
        pytest.param(["a"], [], READ_MS, "nothing waits", id="none-by-now"),
        pytest.param(["a", "b"], ["a", "b"], READ_MS, "2 actions wait", id="several"),
        pytest.param(["a"], ["a", "b"], READ_MS, "2 actions wait", id="one-more-that-was-not-shown"),
        pytest.param(["a"], ["a"], READ_MS - 1, "before anybody can have read", id="too-soon"),
        pytest.param([], ["a"], READ_MS, "before anybody can have read", id="never-shown"),
        pytest.param(["a"], ["b"], READ_MS, "before anybody can have read", id="another-one-by-now"),
    ],
)
def test_a_press_that_could_mean_something_else_does_nothing(
    shown: list[str], now_waiting: list[str], pressed_ms: float, why: str
) -> None:
    waiting = Waiting()
    for action_id in shown:
        waiting.hear(event(action_id), 0.0)
    meant = waiting.meant(snapshot(*map(event, now_waiting)), pressed_ms)
    assert isinstance(meant, str) and why in meant


def test_what_the_node_cannot_show_whole_is_agreed_to_by_nobody() -> None:
    waiting = Waiting()
    waiting.hear(event("a"), 0.0)
    assert isinstance(waiting.meant(snapshot(event("a"), truncated=True), READ_MS), str)


def test_a_button_can_be_one_robots() -> None:
    """What another robot waits for neither counts nor confuses."""
    waiting = Waiting("porter")
    assert waiting.hear(event("a"), 0.0)
    assert not waiting.hear(event("b", "lifter"), 0.0)
    meant = waiting.meant(snapshot(event("a"), event("b", "lifter")), READ_MS)
    assert isinstance(meant, OpenAction) and meant.action_id == "a"


def test_an_action_is_shown_once_and_forgotten_when_it_waits_no_longer() -> None:
    """Seen in a snapshot or in an event, whichever is first; if it comes back it is new."""
    waiting = Waiting()
    assert [one.action_id for one in waiting.look(snapshot(event("a")), 0.0)] == ["a"]
    assert not waiting.hear(event("a"), 100.0)
    assert waiting.look(snapshot(event("a")), 200.0) == []
    waiting.hear(event("a", waits=False), 300.0)
    assert waiting.hear(event("a"), 400.0)
    assert waiting.look(snapshot(), 500.0) == []
    assert waiting.hear(event("a"), 600.0)


def key(code: int, value: int, kind: int = 1) -> bytes:
    """One event as the kernel writes it: 1 is down, 0 up, 2 held."""
    return struct.pack("llHHi", 0, 0, kind, code, value)


@pytest.fixture
def device(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """A pipe in an input device's place, and the end that events are written to."""
    path = tmp_path / "event3"
    os.mkfifo(path)
    descriptor = os.open(path, os.O_RDWR)
    yield path, descriptor
    os.close(descriptor)


@pytest.mark.parametrize(
    ("data", "code", "pressed"),
    [
        pytest.param(key(ENTER, 1) + key(0, 0, 0), None, True, id="down"),
        pytest.param(key(ENTER, 0), None, False, id="up"),
        pytest.param(key(ENTER, 2), None, False, id="held"),
        pytest.param(key(ENTER, 1, kind=2), None, False, id="a-mouse-that-moves"),
        pytest.param(key(30, 1), ENTER, False, id="another-key"),
        pytest.param(key(30, 1) + key(ENTER, 1), ENTER, True, id="this-key-among-others"),
        pytest.param(b"", None, False, id="nothing"),
        pytest.param(key(ENTER, 1)[:9], None, False, id="half-an-event"),
    ],
)
def test_a_key_that_goes_down_is_a_press(
    device: tuple[Path, int], data: bytes, code: int | None, pressed: bool
) -> None:
    path, descriptor = device
    presses = KeyPresses(path, code)
    os.write(descriptor, data)
    assert presses.pressed(20.0) is pressed
    os.write(descriptor, key(ENTER, 1)[9:] if len(data) == 9 else key(ENTER, 1))
    assert presses.pressed(1_000.0)
    presses.close()


def test_a_button_that_is_gone_or_never_was_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationFault) as none:
        KeyPresses(tmp_path / "event9", None)
    assert (none.value.code, none.value.where) == (Code.SETTINGS_INVALID, str(tmp_path / "event9"))
    path = tmp_path / "event3"
    os.mkfifo(path)
    presses = KeyPresses(path, None)
    writer = os.open(path, os.O_WRONLY)
    os.close(writer)
    with pytest.raises(NodeFault) as gone:
        presses.pressed(1_000.0)
    assert gone.value.code is Code.BUTTON_LOST
    presses.close()


class Pressing:
    """The verb in a process of its own, its standard input in the test's hand."""

    def __init__(self, node: Node) -> None:
        line = [sys.executable, "-m", "edge_agent", "button", "--runtime-dir", str(node.folder / "run"), "--json"]
        self.process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def press(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def said(self) -> dict[str, Any]:
        """The next thing it says."""
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())  # type: ignore[no-any-return]


def test_a_press_unlocks_the_door_that_somebody_asked_for() -> None:
    """Nothing waits: refused. Shown and read: agreed. Two wait: refused. The end of standard input ends it."""
    for node in fresh_node():
        node.start()
        button = Pressing(node)
        button.press()
        assert button.said() == {"refused": "nothing waits for a yes"}
        with node.client() as client:
            planned = client.command("unlock the front door", pack="home").actions[0]
            shown = button.said()["waits"]
            assert (shown["action_id"], shown["action"]) == (planned.action_id, planned.action)
            assert planned.confirmation is not None and planned.confirmation.token not in json.dumps(shown)
            time.sleep(READ_MS / 1000 * 2)
            button.press()
            assert button.said() == {"confirmed": planned.action_id, "action": planned.action}
            for _ in range(2):
                client.command("unlock the front door", pack="home")
            assert {button.said()["waits"]["action_id"] for _ in range(2)} != {planned.action_id}
            time.sleep(READ_MS / 1000 * 2)
            button.press()
            assert button.said()["refused"].startswith("2 actions wait")
            assert len([one for one in client.snapshot().open if one.unconfirmed is not None]) == 2
        assert button.process.communicate(timeout=20) == ("", None)
        assert button.process.returncode == 0
        assert node.stop() == 0
