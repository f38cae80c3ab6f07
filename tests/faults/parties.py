"""A client and an executor in one thread, on sockets of their own, who write down everything they see.

They outlive the node: `connect` begins with a new life of it, `leave` takes what is still on the way. The executor
reports by chance: some actions finish, some stay running, some are never acknowledged.
"""

from __future__ import annotations

import random
from collections import deque

import zmq

from edge_agent.clock import SystemClock
from edge_agent.errors import ClientFault
from edge_agent.messages import (
    FROM_NODE,
    Accepted,
    ActionState,
    Answer,
    Command,
    Confirmed,
    Hello,
    Message,
    Perform,
    Report,
    Stop,
    Stopped,
    Welcome,
)
from edge_agent.messages.codec import Codec, encode
from faults.history import Delivery, History

_CODEC = Codec(FROM_NODE)
DYING_MS = 100
"""How long to listen for a dead node's last words."""


class Parties:
    """Both ends of a node, and the history that they make."""

    def __init__(self, address: str, rng: random.Random, *, finishes: float = 0.8, acknowledges: float = 0.9) -> None:
        self.history = History()
        self.epoch: int | None = None
        """Of the node's present life, once it has welcomed the executor."""
        self.replies: dict[str, Message] = {}
        """By request id: the latest reply that is neither accepted nor an answer."""
        self.stopped_by: list[str] = []
        self.begun: dict[str, int] = {}
        """How often the executor began each action, over all lives."""
        self._address = address
        self._rng = rng
        self._finishes, self._acknowledges = finishes, acknowledges
        self._clock = SystemClock()
        self._quiet = True
        self._removes_duplicates = True
        self._to_finish: deque[Perform] = deque()
        self._context: zmq.Context[zmq.Socket[bytes]] | None = None

    def connect(self, *, removes_duplicates: bool = True) -> None:
        """To a node that has just come up."""
        self.leave()
        self._context = zmq.Context()
        self._client, self._executor = self._dealer(), self._dealer()
        self._poller = zmq.Poller()
        for socket in (self._client, self._executor):
            self._poller.register(socket, zmq.POLLIN)
        self.epoch, self._quiet, self._removes_duplicates = None, True, removes_duplicates
        self._to_finish.clear()
        self.perform_says(Hello(robot="robot", removes_duplicates=removes_duplicates))

    def _dealer(self) -> zmq.Socket[bytes]:
        assert self._context is not None
        socket = self._context.socket(zmq.DEALER)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.SNDTIMEO, 2_000)
        socket.connect(self._address)
        return socket

    def say(self, message: Message) -> None:
        """The client's."""
        if isinstance(message, Command):
            self._quiet = False
            sent_ms = self._clock.now_ms()
            self.history.may_begin_until_ms.setdefault(message.request_id, sent_ms + (message.ttl_ms or 0))
        self._client.send(encode(message))

    def perform_says(self, message: Message) -> None:
        """The executor's."""
        self._executor.send(encode(message))

    def pump(self, timeout_ms: float = 0) -> bool:
        """Take everything that is there, or the next thing within the time; whether there was something."""
        found = False
        while ready := dict(self._poller.poll(0 if found else int(timeout_ms))):
            found = True
            for socket in ready:
                self._take(socket)
        while self._to_finish and self._rng.random() < self._finishes:
            self._finish(self._to_finish.popleft())
        return found

    def leave(self) -> None:
        """Hear the last words of a node that is gone, then let go."""
        if self._context is not None:
            while self.pump(DYING_MS):
                pass
            self._context.destroy(linger=0)
            self._context = None

    def answered(self, request_id: str) -> bool:
        return bool(self.history.answers.get(request_id))

    def _take(self, socket: zmq.Socket[bytes]) -> None:
        try:
            message = _CODEC.decode(socket.recv(zmq.NOBLOCK))
        except zmq.Again:
            return
        except ClientFault as problem:
            raise AssertionError(f"the node said what is no message: {problem}") from problem
        match message:
            case Accepted():
                self.history.accepted.append(message)
            case Answer():
                self.history.answers[message.request_id].append(message)
            case Confirmed():
                self.history.confirmed.add(message.action_id)
                self.replies[message.request_id] = message
            case Welcome():
                self.epoch = message.epoch
            case Perform():
                self._perform(message)
            case Stop():
                self._to_finish.clear()
                self.stopped_by.append(message.stop_id)
                if self.epoch is not None:
                    self.perform_says(Stopped(stop_id=message.stop_id, robot="robot", epoch=self.epoch))
            case _ if request_id := getattr(message, "request_id", None):
                self.replies[request_id] = message

    def _perform(self, task: Perform) -> None:
        epoch = self.epoch if self.epoch is not None else -1
        self.history.deliveries.append(
            Delivery(
                action_id=task.action_id,
                command_id=task.command_id,
                epoch=task.epoch,
                life_epoch=epoch,
                received_ms=self._clock.now_ms(),
                removes_duplicates=self._removes_duplicates,
                quiet=self._quiet,
            )
        )
        if task.action_id in self.begun and self._removes_duplicates:
            return
        self.begun[task.action_id] = self.begun.get(task.action_id, 0) + 1
        if self._rng.random() < self._acknowledges:
            self._report(task, ActionState.RUNNING)
            self._to_finish.append(task)

    def _finish(self, task: Perform) -> None:
        self._report(task, ActionState.FAILED if self._rng.random() < 0.1 else ActionState.FINISHED)

    def _report(self, task: Perform, state: ActionState) -> None:
        fields = {"action_id": task.action_id, "robot": task.robot, "epoch": task.epoch, "state": state}
        self.perform_says(Report.model_validate(fields))
