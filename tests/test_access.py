"""Who may do what: every message against every right, and how often. Pure; time stands still."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from edge_agent import limits
from edge_agent.clock import ManualClock
from edge_agent.errors import ClientFault, Code
from edge_agent.keys.curve import new_pair
from edge_agent.keys.grants import LOCAL, Grant, Verb
from edge_agent.keys.ring import Ring, write_grants
from edge_agent.messages import (
    TO_NODE,
    AudioStart,
    Command,
    Confirm,
    Halt,
    Hello,
    Message,
    Report,
    Resume,
    SnapshotRequest,
    WorldUpdate,
)
from edge_agent.node.access import Access, Sight

MESSAGES: tuple[Message, ...] = tuple(kind.model_validate(kind.EXAMPLE, strict=False) for kind in TO_NODE)
NEEDED = {
    "command": Verb.COMMAND,
    "audio_start": Verb.COMMAND,
    "audio_chunk": Verb.COMMAND,
    "audio_end": Verb.COMMAND,
    "world_update": Verb.WORLD,
    "snapshot_request": Verb.WATCH,
    "audio_attach": Verb.WATCH,
    "hello": Verb.PERFORM,
    "report": Verb.PERFORM,
    "heartbeat": Verb.PERFORM,
    "stopped": Verb.PERFORM,
}
"""What each type needs; halt, confirm and resume have tests of their own."""


def access(clock: ManualClock | None = None, *, stopped: bool = False, ring: Ring | None = None) -> Access:
    sight = Sight("robot", {"a-1-1-1": "robot", "a-1-2-1": "crane"}.get, lambda: stopped)
    return Access(ring, sight, clock or ManualClock())


def grant(*verbs: Verb, robots: tuple[str, ...] = ("*",), **rights: object) -> Grant:
    return Grant.model_validate(
        {"name": "one", "public": new_pair().public, "verbs": verbs, "robots": robots, **rights}
    )


def refusal(one: Grant, message: Message, *, is_stop: bool = False) -> Code | None:
    """The code a message is refused with, None when it passes."""
    try:
        access().check(one, message, is_stop=is_stop)
    except ClientFault as fault:
        return fault.code
    return None


def name_of(message: Message) -> str:
    return str(message.model_dump()["type"])


def test_every_type_of_message_has_a_rule() -> None:
    """A new type is put into this table, and somebody thinks about who may send it."""
    assert {name_of(message) for message in MESSAGES} == NEEDED.keys() | {"halt", "confirm", "resume"}


@pytest.mark.parametrize(
    ("message", "verb"),
    [pytest.param(m, v, id=f"{name_of(m)}-{v}") for m, v in product(MESSAGES, Verb) if name_of(m) in NEEDED],
)
def test_a_message_needs_its_verb(message: Message, verb: Verb) -> None:
    assert refusal(grant(verb), message) == (None if verb is NEEDED[name_of(message)] else Code.FORBIDDEN)


@pytest.mark.parametrize("message", [pytest.param(message, id=name_of(message)) for message in MESSAGES])
def test_a_new_key_may_only_watch(message: Message) -> None:
    fresh = Grant(name="new", public=new_pair().public)
    watching = name_of(message) in ("snapshot_request", "audio_attach")
    assert refusal(fresh, message, is_stop=isinstance(message, Halt)) == (None if watching else Code.FORBIDDEN)


@pytest.mark.parametrize("message", [pytest.param(message, id=name_of(message)) for message in MESSAGES])
def test_the_local_sockets_may_everything(message: Message) -> None:
    assert refusal(LOCAL, message, is_stop=isinstance(message, Halt)) is None


@pytest.mark.parametrize("verb", list(Verb))
def test_whoever_may_command_may_stop(verb: Verb) -> None:
    for message in (Halt(request_id="h"), Command(request_id="c", text="stop")):
        expected = None if verb in (Verb.COMMAND, Verb.HALT) else Code.FORBIDDEN
        assert refusal(grant(verb), message, is_stop=True) == expected


def test_a_stop_needs_no_right_to_the_robot() -> None:
    """It stops all of them, and is the safe thing to do."""
    assert refusal(grant(Verb.HALT, robots=()), Halt(request_id="h"), is_stop=True) is None


@pytest.mark.parametrize(
    ("robots", "robot", "expected"),
    [
        (("*",), None, None),
        (("robot",), None, None),
        (("robot",), "crane", Code.FORBIDDEN),
        (("crane",), None, Code.FORBIDDEN),
        (("crane",), "crane", None),
        ((), None, Code.FORBIDDEN),
        (("rоbot",), "robot", Code.FORBIDDEN),  # noqa: RUF001 - a Cyrillic letter
    ],
)
def test_a_command_is_for_a_robot_of_the_keys(
    robots: tuple[str, ...], robot: str | None, expected: Code | None
) -> None:
    """Typed or spoken; a command that names nobody is for the node's own robot."""
    one = grant(Verb.COMMAND, robots=robots)
    assert refusal(one, Command(request_id="c", text="go", robot=robot)) == expected
    assert refusal(one, AudioStart(stream_id="s", robot=robot)) == expected


def test_an_executor_is_a_robot_of_its_keys_only() -> None:
    one = grant(Verb.PERFORM, robots=("porter",))
    assert refusal(one, Hello(robot="porter", removes_duplicates=True)) is None
    assert refusal(one, Hello(robot="crane", removes_duplicates=True)) is Code.FORBIDDEN
    report = Report.model_validate(Report.EXAMPLE | {"robot": "crane"}, strict=False)
    assert refusal(one, report) is Code.FORBIDDEN


def test_confirming_and_resuming_are_rights_of_their_own() -> None:
    confirm = Confirm(request_id="c", action_id="a-1-1-1", digest="0" * 64, token="t")
    resume = Resume(request_id="r", stop_id="s-1-1")
    everything = grant(*Verb)
    assert refusal(everything, confirm) is Code.FORBIDDEN and refusal(everything, resume) is Code.FORBIDDEN
    assert refusal(grant(may_confirm=True), confirm) is None
    assert refusal(grant(may_resume=True), resume) is None
    elsewhere = confirm.model_copy(update={"action_id": "a-1-2-1"})
    assert refusal(grant(robots=("robot",), may_confirm=True), elsewhere) is Code.FORBIDDEN


def test_a_burst_beyond_the_rate_is_refused_and_a_stop_still_passes() -> None:
    clock = ManualClock()
    door = access(clock)
    one = grant(Verb.COMMAND, rate_per_s=5)
    passed = 0
    for number in range(50):
        try:
            door.check(one, Command(request_id=f"r-{number}", text="go"), is_stop=False)
            passed += 1
        except ClientFault as fault:
            assert fault.code is Code.RATE_LIMITED
    assert passed == 5 * limits.BURST_S
    for _ in range(1_000):
        door.check(one, Halt(request_id="h"), is_stop=True)
    clock.advance(1_000)
    door.check(one, Command(request_id="later", text="go"), is_stop=False)


def test_only_stops_that_stop_nothing_can_be_too_many() -> None:
    one = grant(Verb.HALT)
    door = access(stopped=True)
    for _ in range(int(limits.STOPS_PER_S * limits.BURST_S)):
        door.check(one, Halt(request_id="h"), is_stop=True)
    with pytest.raises(ClientFault) as fault:
        door.check(one, Halt(request_id="h"), is_stop=True)
    assert fault.value.code is Code.RATE_LIMITED
    door.check(grant(Verb.HALT), Halt(request_id="h"), is_stop=True)


def test_what_cannot_be_read_counts_with_the_other_messages() -> None:
    door = access()
    one = grant(Verb.WATCH)
    for _ in range(int(limits.MESSAGES_PER_S * limits.BURST_S)):
        door.check_unread(one)
    with pytest.raises(ClientFault) as fault:
        door.check(one, SnapshotRequest(request_id="s"), is_stop=False)
    assert fault.value.code is Code.RATE_LIMITED
    door.check(grant(Verb.WORLD), WorldUpdate(request_id="w", remove=("x",)), is_stop=False)


def test_a_key_is_looked_up_for_every_message(tmp_path: Path) -> None:
    one = grant(Verb.COMMAND)
    write_grants(tmp_path, (one,))
    ring = Ring(tmp_path, ManualClock().wall_ms)
    door = access(ring=ring)
    assert door.grant(one.public) == one
    assert door.grant("") is LOCAL
    write_grants(tmp_path, (one.model_copy(update={"verbs": frozenset({Verb.WATCH})}),))
    ring.refresh()
    assert door.grant(one.public).verbs == {Verb.WATCH}
    (tmp_path / "clients.toml").unlink()
    ring.refresh()
    with pytest.raises(ClientFault) as fault:
        door.grant(one.public)
    assert fault.value.code is Code.KEY_REVOKED


def test_a_key_means_nothing_to_a_node_without_keys() -> None:
    with pytest.raises(ClientFault) as fault:
        access().grant(new_pair().public)
    assert fault.value.code is Code.KEY_REVOKED
