"""What an executor answers to the node, and when. Pure but for the generator it drives: no socket, no clock, no thread.

An action is a generator: it does a little, yields how many seconds to wait, and goes on. Between two steps everything
else happens, so a stop waits no longer than one step. Decides: once per action id, nothing of an older epoch, nothing
expired, nothing after a stop; a report is repeated until the node has noted it; a node that was restarted no longer
knows what runs, so what runs is ended.
"""

from __future__ import annotations

import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Final

from edge_agent import limits
from edge_agent.errors import Code
from edge_agent.limits import PERFORMED_REMEMBERED_MAX
from edge_agent.messages import (
    ActionState,
    ErrorReply,
    Heartbeat,
    Hello,
    Message,
    Noted,
    Perform,
    Report,
    Stop,
    Stopped,
    Welcome,
)
from edge_agent.messages.codec import build

_log = logging.getLogger(__name__)

HEARTBEAT_MS: Final = 1_000
REPEAT_MS: Final = 500
"""How long to wait before saying hello or a report again."""

Step = float | ActionState
PerformFunction = Callable[[Perform], Iterator[Step]]
"""Yields seconds to wait, or PAUSED, RETRIABLE or RUNNING to report it; its return means FINISHED."""

_SAY_HELLO_AGAIN: Final = frozenset({Code.STALE_EPOCH, Code.UNKNOWN_TARGET, Code.WRONG_ROBOT, Code.ROBOT_TAKEN})


class PerformFailed(Exception):
    """Raised by a perform function: the action ends FAILED, with this text as the reason."""


@dataclass(slots=True)
class _Running:
    task: Perform
    steps: Generator[Step, None, None]
    next_step_ms: float


class Performing:
    """One robot's side of the conversation. Every method returns what to send."""

    def __init__(self, robot: str, perform: PerformFunction, actions: tuple[str, ...] = ()) -> None:
        self._hello = Hello(robot=robot, removes_duplicates=True, actions=actions)
        self._robot = robot
        self._perform = perform
        self._epoch: int | None = None
        self._greeted = False
        self._running: _Running | None = None
        self._queued: deque[tuple[Perform, float]] = deque()
        self._last: OrderedDict[str, Report | None] = OrderedDict()
        self._unnoted: list[Report] = []
        self._heartbeat_ms = 0.0
        self._repeat_ms = 0.0

    @property
    def was_welcome(self) -> bool:
        """Whether a node has ever known this robot as this program; a refusal after that may be its own shadow."""
        return self._epoch is not None

    def connected(self, now_ms: float) -> list[Message]:
        """The connection is there (again)."""
        self._greeted = False
        self._repeat_ms = now_ms + REPEAT_MS
        return [self._hello]

    def receive(self, message: Message, now_ms: float) -> list[Message]:
        """Something came from the node."""
        match message:
            case Welcome():
                return self._welcomed(message, now_ms)
            case Perform():
                return self._asked(message, now_ms)
            case Stop():
                return self._stop(message)
            case Noted():
                self._unnoted = [
                    report
                    for report in self._unnoted
                    if (report.action_id, report.state) != (message.action_id, message.state)
                ]
            case ErrorReply() if message.code in _SAY_HELLO_AGAIN:
                self._greeted = False
        return []

    def tick(self, now_ms: float) -> list[Message]:
        """Time has passed: go on with the action, repeat what was not heard, show signs of life."""
        out = self._go_on(now_ms)
        if now_ms >= self._repeat_ms:
            self._repeat_ms = now_ms + REPEAT_MS
            out += list(self._unnoted) if self._greeted else [self._hello]
        if self._epoch is not None and self._greeted and now_ms >= self._heartbeat_ms:
            self._heartbeat_ms = now_ms + HEARTBEAT_MS
            out.append(Heartbeat(robot=self._robot, epoch=self._epoch))
        return out

    def wake_ms(self) -> float:
        """When `tick` is due next."""
        due = [self._repeat_ms]
        if self._greeted:
            due.append(self._heartbeat_ms)
        if self._running is not None:
            due.append(self._running.next_step_ms)
        return min(due)

    def end(self, reason: str) -> list[Message]:
        """Let go of what runs and what waits: generators are closed, their `finally` runs, the node is told why."""
        ended = [task for task, _ in self._queued]
        self._queued.clear()
        running, self._running = self._running, None
        if running is not None:
            _close(running.steps)
            ended.insert(0, running.task)
        return [self._report(task, ActionState.FAILED, reason) for task in ended]

    def _welcomed(self, welcome: Welcome, now_ms: float) -> list[Message]:
        if welcome.epoch != self._epoch:
            self.end("the node was restarted")
            self._unnoted.clear()
            self._last.clear()
        self._epoch = welcome.epoch
        self._greeted = True
        self._heartbeat_ms = now_ms
        out: list[Message] = list(self._unnoted)
        if self._running is not None:  # over a new connection the node wants to hear of it again
            last = self._last[self._running.task.action_id]
            if last is not None and last not in self._unnoted:
                self._unnoted.append(last)
                out.append(last)
        return out

    def _asked(self, task: Perform, now_ms: float) -> list[Message]:
        if task.epoch != self._epoch or task.robot != self._robot:
            return []
        if task.action_id in self._last:
            last = self._last[task.action_id]
            return [] if last is None else [last]
        self._last[task.action_id] = None
        if len(self._last) > PERFORMED_REMEMBERED_MAX:
            self._last.popitem(last=False)
        self._queued.append((task, now_ms + task.expires_in_ms))
        return self._go_on(now_ms)

    def _stop(self, stop: Stop) -> list[Message]:
        """Whatever the epoch: a stop too many is harmless."""
        reports = self.end("stopped")
        return [Stopped(stop_id=stop.stop_id, robot=self._robot, epoch=stop.epoch), *reports]

    def _go_on(self, now_ms: float) -> list[Message]:
        """One step of what runs; when that was its last, the beginning of what waits."""
        out: list[Message] = []
        while self._running is not None or self._queued:
            if self._running is None:
                task, expires_ms = self._queued.popleft()
                if now_ms > expires_ms:
                    out.append(self._report(task, ActionState.FAILED, "expired"))
                    continue
                out.append(self._report(task, ActionState.RUNNING))
                self._running = _Running(task, self._steps(task), now_ms)
            if now_ms >= self._running.next_step_ms:
                out += self._step(self._running, now_ms)
            if self._running is not None:
                break
        return out

    def _steps(self, task: Perform) -> Generator[Step, None, None]:
        """The robot's own steps, begun with the first one, so that whatever they raise is raised there."""
        yield from self._perform(task)

    def _step(self, running: _Running, now_ms: float) -> list[Message]:
        """One step of the action. Whatever it raises is the robot's failure, never the conversation's."""
        try:
            step = next(running.steps)
        except StopIteration:
            return self._finish(running, ActionState.FINISHED)
        except PerformFailed as problem:
            return self._finish(running, ActionState.FAILED, str(problem))
        except Exception as problem:
            return self._finish(running, ActionState.FAILED, f"{type(problem).__name__}: {problem}")
        if isinstance(step, ActionState):
            running.next_step_ms = now_ms
            return [self._report(running.task, step)] if step is not ActionState.WAITING else []
        running.next_step_ms = now_ms + step * 1000.0
        return []

    def _finish(self, running: _Running, state: ActionState, reason: str = "") -> list[Message]:
        self._running = None
        return [self._report(running.task, state, reason)]

    def _report(self, task: Perform, state: ActionState, reason: str = "") -> Report:
        report = build(
            Report,
            action_id=task.action_id,
            robot=self._robot,
            epoch=task.epoch,
            state=state,
            reason=reason[: limits.REASON_CHARS_MAX],
        )
        self._last[task.action_id] = report
        self._unnoted.append(report)
        return report


def _close(steps: Generator[Step, None, None]) -> None:
    """Let the action clean up. An action that fails at it has still been told to end."""
    try:
        steps.close()
    except Exception:
        _log.exception("an action failed while it was being ended")
