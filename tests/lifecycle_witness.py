"""Watches everything that a node sends and shows, and says where that breaks a promise of docs/lifecycle.md.

It reads the table of states from that page and keeps its own book of clocks, confirmations and stops, from the messages
alone; from the disk it reads what had been written when something was sent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge_agent.messages import (
    Accepted,
    Answer,
    Confirmed,
    ErrorReply,
    Hello,
    Message,
    Noted,
    Perform,
    Resumed,
    StateEvent,
    Stop,
    Welcome,
)

DOCUMENT = Path(__file__).parents[1] / "docs" / "lifecycle.md"
IN_FLIGHT = ("INITIALIZING", "RUNNING", "PAUSED", "RETRIABLE")
ENDED = ("FINISHED", "FAILED")


def moves_of_the_page() -> frozenset[tuple[str, str]]:
    """The pairs of states that the page's table has an event for."""
    page = DOCUMENT.read_text(encoding="utf-8").split("<!-- table: begin -->")[1].split("<!-- table: end -->")[0]
    head, _line, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.strip().splitlines()]
    return frozenset((row[0], to) for row in rows for to, events in zip(head[1:], row[1:], strict=True) if events)


MOVES = moves_of_the_page()


@dataclass(slots=True)
class Action:
    """What was said of one action."""

    command_id: str
    robot: str
    position: int
    ttl_ms: float
    waits_for_yes: bool
    token: str
    digest: str
    started_ms: float | None = None
    """When its time to live began."""
    state: str = ""
    deliveries: int = 0
    seq: int = 0


@dataclass(slots=True)
class Witness:
    """One node, across its lives. `broken` is what it did that it must not do."""

    now_ms: Callable[[], float]
    on_disk: Callable[[str], str | None]
    """An action's state as it lies on the disk."""
    broken: list[str] = field(default_factory=list)
    gone: set[bytes] = field(default_factory=set)
    """Connections that are lost."""
    asked: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Request id → when it was first asked in this life, and its time to live."""
    accepted: dict[str, str] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    actions: dict[str, Action] = field(default_factory=dict)
    executors: dict[str, tuple[bytes, bool]] = field(default_factory=dict)
    """Robot → the connection that was welcomed last, and whether it removes duplicates."""
    reported: set[tuple[str, str]] = field(default_factory=set)
    """Action and state of every report that a robot has sent."""
    agreed: set[str] = field(default_factory=set)
    """Actions that somebody has said yes to, as it is to be said."""
    greeting: tuple[bytes, Hello] | None = None
    """The hello that was sent last, and over which connection."""
    latched: str | None = None
    epoch: int = 0
    event_seq: int = 0
    seqs: dict[str, int] = field(default_factory=dict)
    codes: list[str] = field(default_factory=list)

    def new_life(self) -> None:
        """The node was started again: whatever was open has ended, and a latched stop holds on."""
        self.epoch += 1
        self.event_seq = 0
        self.executors.clear()
        self.seqs.clear()
        for action in self.actions.values():
            action.state = "ended in an earlier life"

    def sent(self, peer: bytes, message: Message) -> bool:
        """What the node sends; False when the connection is lost."""
        if peer in self.gone:
            return False
        match message:
            case Welcome():
                # one that nobody asked for only looks whether the connection lives
                if self.greeting is not None and self.greeting[0] == peer:
                    self.executors[message.robot] = (peer, self.greeting[1].removes_duplicates)
            case Accepted():
                known = self.accepted.setdefault(message.request_id, message.command_id)
                self._must(known == message.command_id, f"{message.request_id} was accepted twice")
            case Answer():
                self._answered(message)
            case Confirmed():
                self._must(message.action_id in self.agreed, f"{message.action_id} was confirmed by a wrong yes")
                self._confirmed(self.actions[message.action_id])
            case Noted():
                self._noted(peer, message)
            case Perform():
                self._performed(peer, message)
            case Resumed():
                self._must(message.stop_id == self.latched, f"{message.stop_id} was released and did not hold")
                self.latched = None
            case ErrorReply():
                self.codes.append(message.code)
                self._must(message.code != "INTERNAL", "a fault of the node's own")
        return True

    def shown(self, message: Message) -> None:
        """What the node publishes."""
        match message:
            case Stop():
                self._must(self.latched in (None, message.stop_id), "two stops hold")
                self.latched = message.stop_id
            case StateEvent():
                self._changed(message)
        seq = getattr(message, "event_seq", None)
        if seq is not None:
            self._must(seq in (self.event_seq, self.event_seq + 1), f"event {seq} follows {self.event_seq}")
            self.event_seq = seq

    def in_flight(self) -> list[str]:
        """Actions that were shown as in flight."""
        return [name for name, action in self.actions.items() if action.state in IN_FLIGHT]

    def waiting_for_yes(self) -> list[str]:
        """Actions that were told of with a token that nobody has used in this life."""
        return [name for name, one in self.actions.items() if one.waits_for_yes and one.state == "WAITING"]

    def _must(self, holds: bool, what: str) -> None:
        if not holds:
            self.broken.append(what)

    def _answered(self, answer: Answer) -> None:
        self._must(answer.request_id in self.accepted, f"{answer.request_id} was answered and not accepted")
        before = self.answers.setdefault(answer.request_id, answer)
        same = before.model_copy(update={"timings": answer.timings}) == answer
        self._must(same, f"{answer.request_id} got two different answers")
        if before is not answer:
            return
        asked_ms, ttl_ms = self.asked[answer.request_id]
        for position, one in enumerate(answer.actions, start=1):
            yes = one.confirmation
            token = yes.token if yes is not None else ""
            action = Action(answer.command_id, one.robot, position, ttl_ms, yes is not None, token, one.digest)
            action.started_ms = asked_ms if position == 1 and yes is None else None
            self.actions[one.action_id] = action

    def _confirmed(self, action: Action) -> None:
        self._must(action.waits_for_yes, "something was confirmed that waits for no yes (any more)")
        action.waits_for_yes = False
        if not any(other.state not in ENDED for other in self._earlier(action)):
            action.started_ms = self.now_ms()

    def _noted(self, peer: bytes, message: Noted) -> None:
        action = self.actions[message.action_id]
        executor, _ = self.executors.get(action.robot, (b"", False))
        self._must(peer == executor, f"{message.action_id} was reported by somebody else than {action.robot}")

    def _earlier(self, action: Action) -> list[Action]:
        return [
            other
            for other in self.actions.values()
            if other.command_id == action.command_id and other.position < action.position
        ]

    def _changed(self, event: StateEvent) -> None:
        action = self.actions.get(event.action_id)
        if action is None:  # a stop came before its answer, which is `stopped` then and names no action
            self._must(event.state == "FAILED", f"{event.action_id} is {event.state} and was never told of")
            return
        before, action.state = action.state, str(event.state)
        begins = before == "" and event.state in ("WAITING", "FAILED")
        stays = before == event.state and before not in ENDED
        self._must(begins or stays or (before, event.state) in MOVES, f"{event.action_id}: {before} → {event.state}")
        self._must(
            self.on_disk(event.action_id) == event.state or event.state == "FAILED",
            f"{event.action_id} was shown as {event.state} before that was on the disk",
        )
        own = event.state in ("WAITING", "INITIALIZING", "FAILED")
        self._must(
            own or (event.action_id, event.state) in self.reported, f"nobody said {event.action_id} {event.state}"
        )
        if event.state == "FINISHED":
            for other in self.actions.values():
                if other.command_id == action.command_id and other.position == action.position + 1:
                    other.started_ms = None if other.waits_for_yes else self.now_ms()

    def _performed(self, peer: bytes, message: Perform) -> None:
        name = message.action_id
        action = self.actions.get(name)
        self._must(message.epoch == self.epoch and name.startswith(f"a-{self.epoch}-"), f"{name} is of an earlier life")
        self._must(self.latched is None, f"{name} was sent while a stop holds")
        if action is None:
            self.broken.append(f"{name} was sent and never told of")
            return
        self._must(not action.waits_for_yes, f"{name} was sent without its yes")
        self._must(all(one.state == "FINISHED" for one in self._earlier(action)), f"{name} overtook one before it")
        # a repetition may cross the robot's own word, which is on the disk before anybody acts on it
        written = self.on_disk(name)
        self._must(written == "INITIALIZING" or action.deliveries > 0, f"{name} was sent and is {written} on the disk")
        self._in_time(name, action, message)
        executor, removes_duplicates = self.executors.get(message.robot, (b"", False))
        self._must(peer == executor, f"{name} went to a connection that is not {message.robot}'s")
        self._must(not action.deliveries or removes_duplicates, f"{name} was sent twice to {message.robot}")
        if action.deliveries:
            self._must(message.seq == action.seq, f"{name} was sent again under another number")
        else:
            self._must(message.seq > self.seqs.get(message.robot, 0), f"{name} has a number that was used")
            self.seqs[message.robot] = message.seq
        action.deliveries += 1
        action.seq = message.seq

    def _in_time(self, name: str, action: Action, message: Perform) -> None:
        if action.started_ms is None:
            self.broken.append(f"{name} was sent before its time began")
            return
        left_ms = action.started_ms + action.ttl_ms - self.now_ms()
        self._must(left_ms > 0, f"{name} was sent {-left_ms:.0f} ms after its time")
        self._must(
            abs(message.expires_in_ms - left_ms) < 1e-3, f"{name} says {message.expires_in_ms} ms, not {left_ms}"
        )


def same_in_memory_and_on_disk(node: Any) -> list[str]:
    """Actions of this life that are another thing on the disk than in memory, when all is settled."""
    lines = node.daemon.dispatcher.lines
    rows = node.read("SELECT action_id, state, reason, seq FROM action WHERE epoch = ?", node.epoch)
    differing = []
    for action_id, state, reason, seq in rows:
        job = lines.recall(action_id)
        if job is None or (job.state, job.reason, job.seq) != (state, reason, seq):
            differing.append(f"{action_id}: {state} {reason} {seq} on the disk, {job} in memory")
    old = node.read("SELECT action_id FROM action WHERE epoch < ? AND state NOT IN ('FINISHED', 'FAILED')", node.epoch)
    differing += [f"{name} of an earlier life has not ended" for (name,) in old]
    missing = {job.action_id for job in lines.open_jobs()} - {row[0] for row in rows}
    return differing + [f"{name} is not on the disk" for name in sorted(missing)]
