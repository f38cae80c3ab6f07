"""What executors say: hello, signs of life, and the robot's own word on an action.

Refuses reports of strangers (WRONG_ROBOT), of unknown actions (UNKNOWN_ACTION) and of earlier epochs (STALE_EPOCH), and
a second executor for a living one's robot (ROBOT_TAKEN).
"""

from __future__ import annotations

import asyncio
from collections import defaultdict

from edge_agent.clock import Clock
from edge_agent.errors import ClientFault, Code
from edge_agent.messages import ActionState, Heartbeat, Hello, Noted, Report, Welcome
from edge_agent.messages.codec import encode
from edge_agent.node.dispatch import Dispatcher, Send
from edge_agent.node.jobs import Executor, Line
from edge_agent.node.ledger import Ledger
from edge_agent.node.lifecycle import REPORTED


class Hearing:
    """Listens to executors on behalf of the dispatcher."""

    def __init__(self, dispatcher: Dispatcher, ledger: Ledger, send: Send, clock: Clock) -> None:
        self._dispatcher = dispatcher
        self._lines = dispatcher.lines
        self._ledger = ledger
        self._send = send
        self._clock = clock
        self._reporting: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def hello(self, peer: bytes, hello: Hello, key: str = "") -> Welcome:
        """An executor presents itself; `key` is its connection's, empty at the local door.

        Raises:
            ClientFault: ROBOT_TAKEN, or QUEUE_FULL when too many robots have.
        """
        now_ms = self._clock.now_ms()
        line = self._lines.of(hello.robot)
        welcome = Welcome(robot=hello.robot, epoch=self._dispatcher.epoch, stopped=self._dispatcher.halted)
        if line.executor is not None and line.executor.peer != peer:
            # a send to a connection that is gone fails: then its robot is free without waiting for the timeout
            if self._dispatcher.present(line) and self._send(line.executor.peer, encode(welcome)):
                raise ClientFault(Code.ROBOT_TAKEN, f"another executor is {hello.robot} and alive", where="robot")
            self._change_executor(line, now_ms)
        line.executor = Executor(peer, hello.removes_duplicates, frozenset(hello.actions), key)
        line.heard_ms = now_ms
        return welcome

    def greeted(self, robot: str) -> None:
        """The welcome is out: go on with the robot's line."""
        line = self._lines.of(robot)
        self._dispatcher.show_presence(line)
        self._dispatcher.send_again(line, 0.0)
        self._dispatcher.move_on(line)

    def heartbeat(self, peer: bytes, heartbeat: Heartbeat) -> None:
        """An executor is alive.

        Raises:
            ClientFault: STALE_EPOCH, UNKNOWN_TARGET or WRONG_ROBOT; the executor says hello again.
        """
        line = self.speaker(peer, heartbeat.robot, heartbeat.epoch)
        line.heard_ms = self._clock.now_ms()
        self._dispatcher.show_presence(line)
        self._dispatcher.move_on(line)

    async def report(self, peer: bytes, report: Report) -> Noted:
        """A robot's own word on an action; noted when it is on the disk.

        Raises:
            ClientFault: STALE_EPOCH, UNKNOWN_TARGET, WRONG_ROBOT, UNKNOWN_ACTION or ILLEGAL_STATE.
            NodeFault: JOURNAL_UNAVAILABLE; the executor repeats the report.
        """
        line = self.speaker(peer, report.robot, report.epoch)
        line.heard_ms = self._clock.now_ms()
        job = self._lines.recall(report.action_id)
        if job is None:
            raise ClientFault(Code.UNKNOWN_ACTION, "no such action is known", where="action_id")
        if job.robot != report.robot:
            raise ClientFault(Code.WRONG_ROBOT, f"the action is {job.robot}'s", where="robot")
        async with self._reporting[line.robot]:  # reports in quick succession hold in their order
            event = REPORTED[ActionState(report.state)]
            if job.state is ActionState.INITIALIZING and not job.delivered:
                raise ClientFault(Code.ILLEGAL_STATE, "it is on its way to the disk; no robot has it yet")
            if job.ended:
                if job.state is not report.state:
                    await self._ledger.take_late_report(job, event, report.reason)
            elif await self._ledger.take_report(job, event, report.reason):
                job.quiet_since_ms = None
                self._dispatcher.settle(job)
        return Noted(action_id=report.action_id, state=report.state)

    def speaker(self, peer: bytes, robot: str, epoch: int) -> Line:
        """The line for which this peer may speak.

        Raises:
            ClientFault: STALE_EPOCH, UNKNOWN_TARGET or WRONG_ROBOT.
        """
        if epoch != self._dispatcher.epoch:
            raise ClientFault(Code.STALE_EPOCH, f"this is epoch {self._dispatcher.epoch}; say hello", where="epoch")
        line = self._lines.greeted(robot)
        if line is None or line.executor is None:
            raise ClientFault(Code.UNKNOWN_TARGET, "no executor of this robot has said hello", where="robot")
        if line.executor.peer != peer:
            raise ClientFault(Code.WRONG_ROBOT, f"another executor is {robot}", where="robot")
        return line

    def _change_executor(self, line: Line, now_ms: float) -> None:
        """Another connection speaks for the robot: what the old one had must be spoken of again, or it is lost."""
        job = line.in_flight()
        if job is not None and (job.delivered or job.state is not ActionState.INITIALIZING):
            job.quiet_since_ms = now_ms
