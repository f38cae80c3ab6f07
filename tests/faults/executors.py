"""The executor is lost at every state of its action, and comes back, or another one does: nothing is done twice.

A case is one loss: the connection is cut while an action of it waits, was just sent, runs or pauses, and then the same
program, or another one with the same name, says hello. An action that was delivered and is not spoken of again ends as
an unknown outcome; an executor that removes no duplicates never gets one a second time.
"""

from __future__ import annotations

from pathlib import Path

import zmq

from edge_agent.messages import (
    FROM_NODE,
    ActionState,
    Answer,
    Command,
    Heartbeat,
    Hello,
    Message,
    Perform,
    Report,
    Stop,
    Welcome,
)
from edge_agent.messages.codec import Codec, encode
from faults.campaign import Campaign, Result, Samples
from faults.lives import Lives

_CODEC = Codec(FROM_NODE)
STATES = ("waiting", "sent", "running", "paused", "finished")
TIMEOUT_MS = 800


class Robot:
    """One connection of an executor."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], address: str) -> None:
        self.socket = context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.connect(address)
        self.epoch = 0

    def say(self, message: Message) -> None:
        self.socket.send(encode(message))

    def hear(self, kind: type[Message], timeout_ms: int) -> Message | None:
        while self.socket.poll(timeout_ms):
            message = _CODEC.decode(self.socket.recv())
            if isinstance(message, kind):
                return message
        return None

    def greet(self, *, removes_duplicates: bool) -> bool:
        """Hello until it is welcome: the node may not have missed the last one yet."""
        for _ in range(40):
            self.say(Hello(robot="robot", removes_duplicates=removes_duplicates))
            welcome = self.hear(Welcome, 100)
            if isinstance(welcome, Welcome):
                self.epoch = welcome.epoch
                return True
        return False

    def report(self, task: Perform, state: ActionState) -> None:
        self.say(
            Report.model_validate({"action_id": task.action_id, "robot": "robot", "epoch": self.epoch, "state": state})
        )

    def leave(self) -> None:
        self.socket.close(linger=0)


class Losing:
    """One node, many executors."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.lives = Lives(seed, folder, executor={"timeout_ms": TIMEOUT_MS, "resend_ms": 50})
        self.rng = self.lives.rng
        self.violations: list[str] = []
        self.states: list[str] = []
        self._context = zmq.Context()
        self._number = 0

    def start(self) -> None:
        self.lives.node.start()
        self._client = Robot(self._context, self.lives.node.command_address)

    def one_loss(self) -> None:
        state, removes = self.rng.choice(STATES), self.rng.random() < 0.5
        robot = Robot(self._context, self.lives.node.command_address)
        if not robot.greet(removes_duplicates=removes):
            self.violations.append(f"a new executor was not welcome after a loss ({state})")
            return
        task = self._act(robot, state)
        robot.leave()
        if task is None and state != "waiting":
            return
        other = Robot(self._context, self.lives.node.command_address)
        if not other.greet(removes_duplicates=removes):
            self.violations.append(f"the executor that came back was not welcome ({state})")
            return
        self._look(other, task, state, removes)
        self.states.append(state)
        self._clear(other)
        other.leave()

    def _act(self, robot: Robot, state: str) -> Perform | None:
        """Bring an action to a state; for `waiting` another one is before it."""
        self._ask()
        task = robot.hear(Perform, 3_000)
        if not isinstance(task, Perform):
            return None
        if state == "waiting":
            self._ask()
        if state in ("running", "paused", "finished"):
            robot.report(task, ActionState.RUNNING)
        if state == "paused":
            robot.report(task, ActionState.PAUSED)
        if state == "finished":
            robot.report(task, ActionState.FINISHED)
        if state != "sent" or self.rng.random() < 0.5:
            robot.hear(Stop, 20)
        return task

    def _look(self, other: Robot, task: Perform | None, state: str, removes: bool) -> None:
        """What was delivered may come again only to one that removes duplicates, and only unacknowledged."""
        until_turns = 4
        for _ in range(until_turns):
            again = other.hear(Perform, TIMEOUT_MS // 8)
            if isinstance(again, Perform) and task is not None and again.action_id == task.action_id:
                if not removes:
                    self.violations.append(
                        f"doubled: {task.action_id} came again to one that removes no duplicates ({state})"
                    )
                if state in ("running", "paused", "finished"):
                    self.violations.append(f"doubled: {task.action_id} came again when it was {state}")
                return
            other.say(Heartbeat(robot="robot", epoch=other.epoch))

    def _clear(self, other: Robot) -> None:
        """A stop ends what is open, and is released, so that the next case begins with nothing."""
        with self.lives.node.client() as client:
            stop_id = client.halt("next case").stop_id
            if client.snapshot().open:
                self.violations.append("actions are open under a stop")
            client.resume(stop_id)

    def _ask(self) -> None:
        self._number += 1
        self._client.say(Command(request_id=f"x-{self._number}", text="go to dock 3", ttl_ms=20_000))
        self._client.hear(Answer, 5_000)

    def close(self) -> None:
        self._context.destroy(linger=0)


def run(seed: int, cases: int, folder: Path) -> Result:
    """So many losses in one life of the node."""
    losing = Losing(seed, folder)
    losing.start()
    try:
        for _ in range(2 * cases):
            if len(losing.states) >= cases or losing.violations:
                break
            losing.one_loss()
        with losing.lives.node.client() as client:
            if client.snapshot().open:
                losing.violations.append("actions are open in the end")
    finally:
        losing.close()
    if losing.lives.node.stop() != 0:
        losing.violations.append("crash: the node did not end well")
    by_state = {state: [1.0] * losing.states.count(state) for state in STATES}
    return Result(len(losing.states), tuple(losing.violations), by_state)


def figure(samples: Samples) -> str:
    return ", ".join(f"{state} {len(samples.get(state, []))}" for state in STATES)


CAMPAIGN = Campaign(
    name="executors",
    promise="an executor lost at any state: nothing is done twice",
    how="its connection is cut while its action waits, was sent, runs, pauses or has finished; another one says hello",
    cases=150,
    short=3,
    portion=75,
    run=run,
    figure=figure,
    unit="losses",
)
