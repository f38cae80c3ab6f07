"""A yes, attacked: replayed, late, for something else, by the wrong one, twice at once; and what changes meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from edge_agent.clock import ManualClock
from edge_agent.errors import Code, EdgeAgentError
from edge_agent.messages import FROM_NODE, Confirm, Confirmation, Confirmed, Hello, Perform, StateEvent
from edge_agent.messages.codec import Codec
from edge_agent.node.approval import Approval
from edge_agent.node.board import Board
from edge_agent.node.confirm import Confirmations
from edge_agent.node.dispatch import Dispatcher
from edge_agent.node.hearing import Hearing
from edge_agent.node.jobs import Asked, Job
from edge_agent.node.ledger import Ledger
from edge_agent.node.lifecycle import Event
from edge_agent.node.lines import Lines
from edge_agent.node.plan import Guard
from edge_agent.node.tasks import Tasks
from edge_agent.observe.database import open_database
from edge_agent.observe.events import Stream
from edge_agent.observe.journal import Journal
from edge_agent.packs.registry import load_pack
from edge_agent.safety.policy import Policy
from edge_agent.settings import ExecutorSettings
from edge_agent.world.entities import Entity
from edge_agent.world.store import World

HOME = load_pack("home")
UNLOCK = {"action": "HassTurnOff", "name": "front door"}
OTHER = {"action": "HassTurnOff", "name": "back door"}
LAMP = {"action": "HassTurnOn", "name": "lamp"}
DOORS = World.of([Entity("front door", "lock"), Entity("back door", "lock"), Entity("lamp", "light")])
YES_MS = 20_000.0


class Desk:
    """Approval and dispatch with a real journal; the clock and the world are in the test's hand."""

    def __init__(self, folder: Path, *, second_person: bool = False) -> None:
        self.clock = ManualClock()
        self.world = DOORS
        self.sent: list[str] = []
        self.shown: list[StateEvent] = []
        self.connection = open_database(folder).connection
        self.journal = Journal(self.connection)
        stream = Stream()
        self.tasks = Tasks(stream)
        ledger = Ledger(self.journal, Board(self._publish, stream, 1), self.clock)
        self.guard = Guard(Policy(frozenset({"lock"})), lambda _pack: self.world)
        self.dispatcher = Dispatcher(
            lines=Lines(),
            ledger=ledger,
            send=self._send,
            stream=stream,
            clock=self.clock,
            tasks=self.tasks,
            epoch=1,
            rules=ExecutorSettings(timeout_ms=60_000),
            hindrance=self.guard.hindrance,
        )
        hearing = Hearing(self.dispatcher, ledger, self._send, self.clock)
        hearing.hello(b"robot", Hello(robot="robot", removes_duplicates=True))
        self.confirmations = Confirmations(YES_MS)
        self.approval = Approval(
            self.confirmations, self.dispatcher, self.journal, self.clock, 1, self.guard.hindrance, second_person
        )

    def _publish(self, _topic: str, frame: bytes) -> None:
        event = Codec(FROM_NODE).decode(frame)
        if isinstance(event, StateEvent):
            self.shown.append(event)

    def _send(self, _peer: bytes, frame: bytes) -> bool:
        message = Codec(FROM_NODE).decode(frame)
        if isinstance(message, Perform):
            self.sent.append(message.action_id)
        return True

    def ask(self, action_id: str, action: dict[str, Any], client: str = "asker") -> tuple[Job, Confirmation | None]:
        """One command of one action, as answering leaves it: out, and waiting where it needs a yes."""
        asked = Asked(HOME, "robot", client)
        (planned,) = self.guard.plan([action], asked)
        job = Job(
            action_id,
            f"c-{action_id}",
            "robot",
            1,
            action,
            planned.digest,
            planned.tier,
            2_000,
            unconfirmed=planned.needs_confirmation,
            asked=asked,
        )
        confirmation = None
        if job.unconfirmed:
            confirmation = self.confirmations.ask(action_id, job.digest, self.clock.now_ms())
        self.dispatcher.lines.hold([job])
        self.dispatcher.release([job], self.clock.now_ms() + 2_000, self.confirmations.until_ms([action_id]))
        return job, confirmation

    async def say(
        self, job: Job, token: str | None, *, digest: str = "", client: str = "asker", by_authority: bool = False
    ) -> str:
        """A yes; "confirmed", or the code of why not."""
        message = Confirm(request_id="r", action_id=job.action_id, digest=digest or job.digest, token=token)
        try:
            confirmed = await self.approval.confirm(message, client=client, by_authority=by_authority)
        except EdgeAgentError as problem:
            return problem.code
        assert confirmed == Confirmed(request_id="r", action_id=job.action_id)
        return "confirmed"

    async def settle(self) -> list[str]:
        """Let every write and send come to its end; what was sent until now."""
        while len(self.tasks):
            await asyncio.sleep(0.001)
        return self.sent

    async def rows(self) -> list[tuple[str, str, str]]:
        """What the journal has of confirmations: action, outcome, client."""
        await self.journal.find("nobody", "nothing")  # behind everything that was to be written
        return list(self.connection.execute("SELECT action_id, outcome, client FROM confirmation"))


def at_desk(play: Callable[[Desk], Awaitable[None]], folder: Path, *, second_person: bool = False) -> None:
    async def scene() -> None:
        desk = Desk(folder, second_person=second_person)
        try:
            await play(desk)
        finally:
            await desk.settle()
            desk.journal.close()

    asyncio.run(scene())


def test_the_askers_token_counts_once(tmp_path: Path) -> None:
    """Said again it is unknown, and the action has gone out once; the journal names who said yes."""

    async def play(desk: Desk) -> None:
        job, asked = desk.ask("a", UNLOCK)
        assert asked is not None
        assert await desk.say(job, asked.token) == "confirmed"
        assert await desk.say(job, asked.token) == Code.CONFIRMATION_UNKNOWN
        assert await desk.settle() == ["a"]
        assert await desk.say(job, asked.token) == Code.CONFIRMATION_UNKNOWN
        await desk.settle()
        assert desk.sent == ["a"]
        assert await desk.rows() == [("a", "confirmed", "asker")]

    at_desk(play, tmp_path)


def test_two_at_once_are_one(tmp_path: Path) -> None:
    """Both know the token; one of them said it first."""

    async def play(desk: Desk) -> None:
        job, asked = desk.ask("a", UNLOCK)
        assert asked is not None
        said = await asyncio.gather(*(desk.say(job, asked.token) for _ in range(5)))
        assert sorted(said) == sorted(["confirmed", *[Code.CONFIRMATION_UNKNOWN] * 4])
        assert await desk.settle() == ["a"]

    at_desk(play, tmp_path)


@pytest.mark.parametrize("wrong", ["token", "digest", "both"])
def test_what_belongs_to_another_action_ends_this_one(wrong: str, tmp_path: Path) -> None:
    """Its own yes comes too late then; the other action is as it was."""

    async def play(desk: Desk) -> None:
        job, asked = desk.ask("a", UNLOCK)
        other, others = desk.ask("b", OTHER)
        assert asked is not None and others is not None
        token = asked.token if wrong == "digest" else others.token
        digest = job.digest if wrong == "token" else other.digest
        assert await desk.say(job, token, digest=digest) == Code.CONFIRMATION_MISMATCH
        assert job.ended and job.reason == "not confirmed: CONFIRMATION_MISMATCH"
        assert await desk.say(job, asked.token) == Code.CONFIRMATION_UNKNOWN
        assert await desk.say(other, others.token) == "confirmed"
        assert await desk.settle() == ["b"]

    at_desk(play, tmp_path)


def test_without_a_token_it_takes_authority(tmp_path: Path) -> None:
    """With it, the digest of exactly this action is enough; a token that is shown still has to be the right one."""

    async def play(desk: Desk) -> None:
        job, _ = desk.ask("a", UNLOCK)
        assert await desk.say(job, None) == Code.CONFIRMATION_MISMATCH
        assert job.ended
        job, _ = desk.ask("b", UNLOCK)
        assert await desk.say(job, "0" * 32, by_authority=True) == Code.CONFIRMATION_MISMATCH
        job, _ = desk.ask("c", UNLOCK)
        assert await desk.say(job, None, digest="0" * 64, by_authority=True) == Code.CONFIRMATION_MISMATCH
        job, _ = desk.ask("d", UNLOCK)
        assert await desk.say(job, None, client="operator", by_authority=True) == "confirmed"
        assert await desk.settle() == ["d"]
        assert (await desk.rows())[-1] == ("d", "confirmed", "operator")

    at_desk(play, tmp_path)


def test_a_second_person_can_be_asked_for(tmp_path: Path) -> None:
    """The asker's own yes is refused and the action waits on; anybody else's counts, with or without the token."""

    async def play(desk: Desk) -> None:
        job, asked = desk.ask("a", UNLOCK)
        assert asked is not None
        assert await desk.say(job, asked.token) == Code.FORBIDDEN
        assert await desk.say(job, None, by_authority=True) == Code.FORBIDDEN
        assert not job.ended
        assert await desk.say(job, None, client="operator", by_authority=True) == "confirmed"
        job, asked = desk.ask("b", UNLOCK)
        assert asked is not None
        assert await desk.say(job, asked.token, client="operator") == "confirmed"

    at_desk(play, tmp_path, second_person=True)


@pytest.mark.parametrize("looked", [True, False], ids=["after a look at the clock", "before one"])
def test_a_late_yes_is_none(looked: bool, tmp_path: Path) -> None:
    async def play(desk: Desk) -> None:
        job, asked = desk.ask("a", UNLOCK)
        assert asked is not None
        desk.clock.advance(YES_MS)
        if looked:
            desk.confirmations.expire(desk.clock.now_ms())
            desk.dispatcher.tick()
        assert await desk.say(job, asked.token) == Code.CONFIRMATION_EXPIRED
        assert job.ended
        assert await desk.settle() == []

    at_desk(play, tmp_path)


def test_a_yes_after_a_stop_starts_nothing(tmp_path: Path) -> None:
    """The stop has ended everything that waited."""

    async def play(desk: Desk) -> None:
        job, asked = desk.ask("a", UNLOCK)
        assert asked is not None
        desk.dispatcher.end_all(Event.STOP)
        assert await desk.say(job, asked.token) == Code.CONFIRMATION_UNKNOWN
        assert (job.reason, await desk.settle()) == ("stopped", [])

    at_desk(play, tmp_path)


def test_a_yes_to_an_action_of_before_a_restart_is_unknown(tmp_path: Path) -> None:
    """Tokens live in memory; the action has ended with reason restart."""

    async def play(desk: Desk) -> None:
        before, asked = desk.ask("a", UNLOCK)
        assert asked is not None
        (tmp_path / "next").mkdir()
        after = Desk(tmp_path / "next")
        assert await after.say(before, asked.token) == Code.CONFIRMATION_UNKNOWN
        after.journal.close()

    at_desk(play, tmp_path)


@pytest.mark.parametrize("by_authority", [True, False])
def test_a_yes_to_what_is_gone_by_now_is_refused(by_authority: bool, tmp_path: Path) -> None:
    """An update took the door away while its action waited: it ends, and who said yes hears why."""

    async def play(desk: Desk) -> None:
        job, asked = desk.ask("a", UNLOCK)
        assert asked is not None
        desk.world = DOORS.updated(["front door"], [])
        token = None if by_authority else asked.token
        assert await desk.say(job, token, by_authority=by_authority) == Code.POLICY_REFUSED
        assert job.ended
        assert job.reason == "POLICY_REFUSED: name: nothing is known here (any more) that is called 'front door'"
        assert await desk.rows() == [("a", "POLICY_REFUSED", "asker")]
        assert await desk.settle() == []

    at_desk(play, tmp_path)


def test_what_becomes_dangerous_while_it_waits_does_not_go_out_without_a_yes(tmp_path: Path) -> None:
    """A lamp was to be switched; by now that name is a garage door, and nobody was asked."""

    async def play(desk: Desk) -> None:
        first, _ = desk.ask("a", LAMP)
        second, _ = desk.ask("b", LAMP)
        assert not second.unconfirmed
        desk.world = DOORS.updated(["lamp"], [Entity("lamp", "cover", device_class="garage")])
        desk.dispatcher.end(first, Event.REFUSE)
        await desk.settle()
        assert second.ended
        assert second.reason == "POLICY_REFUSED: by now it needs a yes that nobody was asked for"

    at_desk(play, tmp_path)


def test_an_action_that_was_changed_is_not_sent(tmp_path: Path) -> None:
    """A yes is to the action that was shown; another one under its id has another digest."""

    async def play(desk: Desk) -> None:
        job, asked = desk.ask("a", UNLOCK)
        assert asked is not None
        job.action = OTHER
        assert await desk.say(job, asked.token) == Code.POLICY_REFUSED
        assert (job.ended, await desk.settle()) == (True, [])

    at_desk(play, tmp_path)


def test_everybody_sees_what_waits_and_nobody_the_token(tmp_path: Path) -> None:
    """Digest and time left while it waits; not before its answer is out, not after the yes."""

    async def play(desk: Desk) -> None:
        job, asked = desk.ask("a", UNLOCK)
        assert asked is not None
        desk.clock.advance(5_000)
        shown = job.waits_for_yes(desk.clock.now_ms())
        assert shown is not None
        assert (shown.digest, shown.expires_in_ms) == (job.digest, YES_MS - 5_000)
        assert await desk.say(job, asked.token) == "confirmed"
        assert job.waits_for_yes(desk.clock.now_ms()) is None
        await desk.settle()
        assert [event.unconfirmed is not None for event in desk.shown] == [True, False, False]
        assert not any(asked.token in event.model_dump_json() for event in desk.shown)

    at_desk(play, tmp_path)


def test_a_yes_before_its_answer_is_out_waits_for_nothing_and_burns_nothing(tmp_path: Path) -> None:
    """Its digest can be worked out by anybody; the action is not on the disk yet."""

    async def play(desk: Desk) -> None:
        job, asked = desk.ask("a", UNLOCK)
        assert asked is not None
        until_ms, job.deadline_ms = job.deadline_ms, None
        assert await desk.say(job, None, by_authority=True) == Code.CONFIRMATION_UNKNOWN
        job.deadline_ms = until_ms
        assert await desk.say(job, asked.token) == "confirmed"

    at_desk(play, tmp_path)
