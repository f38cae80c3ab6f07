"""The examples, each started as a user starts it, beside a node."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from node_harness import Node, fresh_node
from scripted_node import ScriptedNode

from edge_agent.messages import ActionState, Hello, JsonAction, Message, Noted, Perform, Report, Welcome

EXAMPLES = Path(__file__).parent.parent / "examples"


@contextmanager
def running(name: str, runtime_dir: Path, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """An example as its own process, ended as systemd would end it."""
    with subprocess.Popen(
        [sys.executable, str(EXAMPLES / name), *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "RUNTIME_DIRECTORY": str(runtime_dir), "PYTHONPATH": str(EXAMPLES.parent), **environment},
    ) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)


def performed(name: str, folder: Path, actions: Sequence[JsonAction], **environment: str) -> tuple[list[Report], str]:
    """The last report of each action that an example executor was given, one after another, and what it printed."""
    ended: list[Report] = []
    robot: list[str] = []

    def task() -> Perform:
        number = len(ended) + 1
        fields = {"action_id": f"a-{number}", "robot": robot[0], "seq": number, "action": actions[number - 1]}
        return Perform.model_validate({**Perform.EXAMPLE, **fields})

    def node_side(message: Message) -> Iterable[Message]:
        match message:
            case Hello():
                robot.append(message.robot)
                return [Welcome(robot=message.robot, epoch=7, stopped=False), task()]
            case Report(state=ActionState.RUNNING):
                return [Noted(action_id=message.action_id, state=ActionState.RUNNING)]
            case Report():
                if message.action_id not in {report.action_id for report in ended}:
                    ended.append(message)
                noted = Noted(action_id=message.action_id, state=ActionState(message.state))
                return [noted, task()] if len(ended) < len(actions) else [noted]
        return []

    with ScriptedNode(folder, node_side), running(name, folder, **environment) as process:
        until = time.monotonic() + 30
        while len(ended) < len(actions):
            assert process.poll() is None and time.monotonic() < until, ended
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        printed, _ = process.communicate(timeout=10)
        assert process.returncode == 0
    return ended, printed


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """One daemon for the module."""
    for node in fresh_node():
        yield node.start()


def test_the_errands_are_run_by_the_example_robot(node: Node) -> None:
    """Two programs of a warehouse and the node between them; the exit code counts what was not done."""
    with running("executor.py", node.folder / "run"), node.client() as client:
        node.wait_for(lambda: any(robot.present for robot in client.snapshot().robots))
        texts = ["go to dock 3", "go to the moon", "x" * 501, "go to packing"]
        with running("errands.py", node.folder / "run", *texts) as errands:
            printed, _ = errands.communicate(timeout=60)
    assert errands.returncode == 2
    first, moon, long, last = printed.splitlines()
    assert (first, last) == ("go to dock 3: FINISHED", "go to packing: FINISHED")
    assert moon == "go to the moon: unknown_entity"
    assert "TOO_LONG" in long


def test_the_example_robot_brakes_at_sigterm(tmp_path: Path) -> None:
    """In the middle of an action it ends it, says so, and leaves with exit code 0."""
    begun = threading.Event()

    def node_side(message: Message) -> Iterable[Message]:
        match message:
            case Hello():
                task = Perform.model_validate({**Perform.EXAMPLE, "robot": "r2"})
                return [Welcome(robot="r2", epoch=7, stopped=False), task]
            case Report(state=ActionState.RUNNING):
                begun.set()
        return []

    with ScriptedNode(tmp_path, node_side) as node, running("executor.py", tmp_path, "r2") as process:
        assert begun.wait(30)
        process.send_signal(signal.SIGTERM)
        printed, _ = process.communicate(timeout=10)
        assert process.returncode == 0
        until = time.monotonic() + 10
        while not any(report.state is ActionState.FAILED for report in reports(node)):
            assert time.monotonic() < until
            time.sleep(0.01)
    assert printed.splitlines()[-1] == "stopped"


def reports(node: ScriptedNode) -> list[Report]:
    return [message for message in node.heard if isinstance(message, Report)]


def test_the_till_keeps_and_sells_the_order(tmp_path: Path) -> None:
    """Ordered, one taken off, one that is not there, sold; then there is nothing left to sell."""
    flat_white = {"action": "order_drink", "drink": "flat white", "size": "large", "milk": "oat milk", "quantity": 2}
    ended, printed = performed(
        "till.py",
        tmp_path,
        [
            flat_white,
            {"action": "order_drink", "drink": "espresso"},
            {"action": "remove", "item": "espresso"},
            {"action": "remove", "item": "espresso"},
            {"action": "checkout"},
            {"action": "checkout"},
        ],
    )
    assert [(report.state.value, report.reason) for report in ended] == [
        ("FINISHED", ""),
        ("FINISHED", ""),
        ("FINISHED", ""),
        ("FAILED", "there is no espresso on the order"),
        ("FINISHED", ""),
        ("FAILED", "nothing is ordered"),
    ]
    assert printed.endswith("sold\n  2 x large flat white, oat milk\n")


def test_the_bridge_shows_the_intent_without_a_home(tmp_path: Path) -> None:
    """What would be sent is Home Assistant's own intent with its own slots."""
    action = {"action": "HassTurnOn", "name": "lamp", "area": "study"}
    ended, printed = performed("home_assistant.py", tmp_path, [action], HASS_URL="")
    assert ended[0].state is ActionState.FINISHED
    assert json.loads(printed) == {"name": "HassTurnOn", "data": {"name": "lamp", "area": "study"}}


def test_the_bridge_hands_intents_over_and_reports_what_the_home_says(tmp_path: Path) -> None:
    """A server with Home Assistant's interface gets them with the token; its error is the action's failure."""
    got: list[tuple[str, str, Any]] = []

    class Home(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            intent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            got.append((self.path, self.headers["Authorization"], intent))
            kind = "action_done" if intent["name"] == "HassTurnOn" else "error"
            body = json.dumps({"response_type": kind, "speech": {"plain": {"speech": "no such lock"}}}).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    with HTTPServer(("127.0.0.1", 0), Home) as server:
        threading.Thread(target=server.serve_forever).start()
        actions = [{"action": "HassTurnOn", "name": "lamp"}, {"action": "HassTurnOff", "name": "gate"}]
        url = f"http://127.0.0.1:{server.server_port}"
        ended, _ = performed("home_assistant.py", tmp_path, actions, HASS_URL=url, HASS_TOKEN="t", no_proxy="*")
        server.shutdown()
    assert got[0] == ("/api/intent/handle", "Bearer t", {"name": "HassTurnOn", "data": {"name": "lamp"}})
    assert [(report.state.value, report.reason) for report in ended] == [("FINISHED", ""), ("FAILED", "no such lock")]
