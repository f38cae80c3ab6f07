"""A second machine, played by a network namespace: enrolled it commands; without a good key it gets nothing.

The two ends of a cable (veth): the node stays here, the robot and the strangers are processes of their own over there.
Needs root and `ip` (apt-get install iproute2).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from keyed_node import OPERATOR, ROBOT, Keys
from node_harness import Node

HERE, THERE = "10.213.7.1", "10.213.7.2"
EXECUTOR = """
import sys
from edge_agent.client import Executor
def perform(task):
    print(task.action, flush=True)
    yield 0.0
Executor(robot="robot", perform=perform, key=sys.argv[1]).run()
"""
STRANGER = """
import sys
from edge_agent.client import Client
from edge_agent.errors import EdgeAgentError
command, events, wrong, revoked = sys.argv[1:]
for name, key in (("no-key", None), ("wrong", wrong), ("revoked", revoked)):
    with Client(command, events, key=key, connect_ms=1_000, answer_ms=1_000) as client:
        try:
            print("answered", client.halt())
        except EdgeAgentError:
            print("heard" if list(client.events(timeout_ms=300)) else name)
"""
"""Tries to stop the robots and to watch, with every key that is no good; says the key's name where it got nothing."""


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@pytest.fixture
def machine() -> Iterator[str]:
    """The name of a namespace with a cable to here."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("needs root and iproute2")
    name = f"ea-{os.getpid()}"
    try:
        ip("netns", "add", name)
    except subprocess.CalledProcessError as problem:
        pytest.skip(f"this machine gives no network namespace: {problem.stderr.decode().strip()}")
    try:
        ip("link", "add", f"{name}-a", "type", "veth", "peer", "name", f"{name}-b", "netns", name)
        ip("addr", "add", f"{HERE}/24", "dev", f"{name}-a")
        ip("link", "set", f"{name}-a", "up")
        ip("-n", name, "addr", "add", f"{THERE}/24", "dev", f"{name}-b")
        ip("-n", name, "link", "set", f"{name}-b", "up")
        yield name
    finally:
        ip("netns", "del", name)


@pytest.fixture
def node() -> Iterator[tuple[Node, Keys]]:
    with tempfile.TemporaryDirectory(prefix="ea-", dir="/tmp") as folder:
        node = Node(Path(folder))
        keys = Keys(node.folder / "keys", f"tcp://{HERE}:7710", f"tcp://{HERE}:7711")
        node.settings["transport"] = {
            "tcp_command": "tcp://*:7710",
            "tcp_events": "tcp://*:7711",
            "keys": str(keys.folder),
        }
        try:
            yield node, keys
        finally:
            if node.process is not None and node.process.poll() is None:
                node.process.kill()
                node.process.wait()


def there(machine: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python on the other machine."""
    command = ["ip", "netns", "exec", machine, sys.executable, *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


def test_a_second_machine_gets_what_its_key_allows_and_nothing_without(machine: str, node: tuple[Node, Keys]) -> None:
    daemon, keys = node
    key_files = {
        "operator": keys.file(keys.add("operator", **OPERATOR)),
        "robot": keys.file(keys.add("porter", **ROBOT)),
        "revoked": keys.file(keys.add("revoked", **OPERATOR)),
        "wrong": keys.file(keys.stranger()),
    }
    keys.revoke("revoked")
    daemon.start()
    executor = subprocess.Popen(
        ["ip", "netns", "exec", machine, sys.executable, "-c", EXECUTOR, str(key_files["robot"])],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        with daemon.client() as local:
            daemon.wait_for(lambda: any(robot.present for robot in local.snapshot().robots))
        done = there(machine, "-m", "edge_agent", "say", "go to dock 3", "--key", str(key_files["operator"]), "--json")
        assert done.returncode == 0, done.stderr
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        assert [line["state"] for line in lines if line["type"] == "state"][-1] == "FINISHED"
        assert executor.stdout is not None and "'place': 'dock 3'" in executor.stdout.readline()
        refused = there(
            machine, "-c", STRANGER, keys.command, keys.events, str(key_files["wrong"]), str(key_files["revoked"])
        )
        assert refused.stdout.split() == ["no-key", "wrong", "revoked"], refused
        with daemon.client() as local:
            assert local.snapshot().stop_id is None
        stopped = there(machine, "-m", "edge_agent", "say", "stop", "--key", str(key_files["operator"]))
        assert stopped.returncode == 7, stopped
        with daemon.client() as local:
            assert local.snapshot().stop_id == "s-1-1"
    finally:
        executor.kill()
        executor.wait()
        assert executor.stdout is not None
        executor.stdout.close()
