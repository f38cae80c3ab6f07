"""What a client and an executor saw of a node over all its lives, and the promises read off it. Pure.

Every checker returns sentences, one for each breach; a doctored history in tests/test_fault_campaign.py shows that each
finds what it is there for.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from edge_agent.errors import Code
from edge_agent.messages import Accepted, Answer, Outcome

TOLERANCE_MS = 50.0
"""What may pass between the node's last look at its clock and the executor's own, on a machine with work to do."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One `perform`, as it reached the executor."""

    action_id: str
    command_id: str
    epoch: int
    life_epoch: int
    """Of the node that the executor was talking to."""
    received_ms: float
    removes_duplicates: bool
    quiet: bool = False
    """It came when nothing had been asked since the restart."""

    @property
    def position(self) -> int:
        """Which action of its command: 1, 2, …"""
        return int(self.action_id.rsplit("-", 1)[1])


@dataclass(slots=True)
class History:
    """In order of happening; times are on CLOCK_BOOTTIME."""

    may_begin_until_ms: dict[str, float] = field(default_factory=dict)
    """By request: when it was first sent, plus its time to live."""
    accepted: list[Accepted] = field(default_factory=list)
    answers: dict[str, list[Answer]] = field(default_factory=lambda: defaultdict(list))
    deliveries: list[Delivery] = field(default_factory=list)
    confirmed: set[str] = field(default_factory=set)
    """Actions whose yes was acknowledged."""
    stops: set[str] = field(default_factory=set)
    """Requests that were stops: sent first and written after, by design, and never asked again."""
    open_after_start: list[tuple[int, int]] = field(default_factory=list)
    """Epoch, and how many actions were open before anything was asked."""

    def command_of(self) -> dict[str, str]:
        """Request id by command id."""
        known = {one.command_id: one.request_id for one in self.accepted}
        return known | {one.command_id: one.request_id for told in self.answers.values() for one in told}


def lost(history: History) -> list[str]:
    """Accepted, and then no answer, or another command's."""
    found = []
    for accepted in history.accepted:
        answers = history.answers.get(accepted.request_id, [])
        if accepted.request_id in history.stops:
            continue
        if not answers:
            found.append(f"lost: {accepted.request_id} was accepted as {accepted.command_id} and has no answer")
        elif any(answer.command_id != accepted.command_id for answer in answers):
            others = sorted({answer.command_id for answer in answers})
            found.append(f"lost: {accepted.request_id} was accepted as {accepted.command_id}, answered as {others}")
    return found


def doubled(history: History) -> list[str]:
    """One request, two commands; or one action, delivered twice to an executor that does not remove duplicates."""
    taken: dict[str, set[str]] = defaultdict(set)
    for command_id, request_id in history.command_of().items():
        taken[request_id].add(command_id)
    found = [f"doubled: {request_id} became {sorted(ids)}" for request_id, ids in taken.items() if len(ids) > 1]
    bare = Counter(one.action_id for one in history.deliveries if not one.removes_duplicates)
    found += [f"doubled: {action_id} was delivered {n} times" for action_id, n in bare.items() if n > 1]
    return found


def moved(history: History) -> list[str]:
    """Delivered by a later life than the one that took it, or when nobody had asked for anything."""
    found = []
    for one in history.deliveries:
        if one.epoch != one.life_epoch or one.action_id.split("-")[1] != str(one.life_epoch):
            found.append(f"moved: {one.action_id} of epoch {one.epoch} was delivered in epoch {one.life_epoch}")
        elif one.quiet:
            found.append(f"moved: {one.action_id} was delivered before anything was asked in epoch {one.life_epoch}")
    return found


def changed(history: History) -> list[str]:
    """One request, two different answers; how long it took is not compared."""
    found = []
    for request_id, answers in history.answers.items():
        first = answers[0]
        for other in answers[1:]:
            if other.model_copy(update={"timings": first.timings}) != first:
                found.append(f"changed: {request_id} was answered {first.outcome}, then {other.outcome}")
                break
    return found


def unsettled(history: History) -> list[str]:
    """Open actions after a restart."""
    return [f"unsettled: {n} actions open at the start of epoch {epoch}" for epoch, n in history.open_after_start if n]


def late(history: History, tolerance_ms: float = TOLERANCE_MS) -> list[str]:
    """A first delivery after the request's time to live. Later actions of a command have clocks of their own."""
    found = []
    for action_id, excess_ms in lateness(history).items():
        if excess_ms > tolerance_ms:
            found.append(f"late: {action_id} reached the executor {excess_ms:.0f} ms after its time")
    return found


def lateness(history: History) -> dict[str, float]:
    """Milliseconds by which each first action came after its request's time; negative: within it."""
    requests, seen = history.command_of(), {}
    waited_for_a_yes = {
        planned.action_id
        for told in history.answers.values()
        for answer in told
        for planned in answer.actions
        if planned.confirmation is not None
    }
    for one in history.deliveries:
        request_id = requests.get(one.command_id)
        if one.position == 1 and request_id in history.may_begin_until_ms and one.action_id not in waited_for_a_yes:
            excess = one.received_ms - history.may_begin_until_ms[request_id]
            seen[one.action_id] = max(seen.get(one.action_id, excess), excess)
    return seen


def wrongly_restarted(history: History) -> list[str]:
    """`RESTARTED` says that nothing was sent: then nothing may have been."""
    delivered = {one.command_id for one in history.deliveries}
    return [
        f"moved: {answer.command_id} is called RESTARTED, but an action of it was delivered"
        for told in history.answers.values()
        for answer in told[:1]
        if answer.outcome is Outcome.FAILED
        and answer.error is not None
        and answer.error.code is Code.RESTARTED
        and answer.command_id in delivered
    ]


CHECKS = (lost, doubled, moved, changed, unsettled, wrongly_restarted)
"""What a kill must not do."""


def violations(history: History) -> list[str]:
    """Every breach of what a kill must not do."""
    return [what for check in CHECKS for what in check(history)]
