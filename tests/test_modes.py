"""Every way of being less than whole, brought about in a real node, and seen in all the places that name it."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from keyed_node import OPERATOR, KeyedNode, keyed_node
from node_harness import Node, fresh_node

from edge_agent.client import Client
from edge_agent.errors import Code, EdgeAgentError
from edge_agent.language.models import bundled_model
from edge_agent.messages import Beat, Outcome
from edge_agent.observe.modes import MEANINGS, Mode

HEALTH = {"metrics": "127.0.0.1:0"}
EAR, ENGINE = "edge_agent.speech.ear_child", "edge_agent.language.child"


@pytest.fixture
def start() -> Iterator[Callable[..., Node]]:
    """Starts nodes with their metrics served."""
    made: list[Iterator[Node]] = []

    def started(*arguments: str, prepare: Callable[[Node], None] = lambda _: None, **settings: Any) -> Node:
        settings["health"] = {**HEALTH, **settings.get("health", {})}
        making = fresh_node(**settings)
        made.append(making)
        node = next(making)
        prepare(node)
        return node.start(*arguments)

    yield started
    for making in made:
        next(making, None)


@pytest.fixture
def keyed() -> Iterator[KeyedNode]:
    yield from keyed_node(health=HEALTH)


def got(node: Node, path: str) -> tuple[int, str]:
    """What the node's own metrics server says; the first line of its log has the address."""
    where = re.search(r"served at ([\d.:]+)", node.log())
    assert where
    try:
        with urllib.request.urlopen(f"http://{where[1]}{path}", timeout=20) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


def beat_of(client: Client) -> Beat:
    """The next beat; those that were not read in time are let go."""
    for _ in client.events(timeout_ms=1, beats=True):
        pass
    return next(event for event in client.events(timeout_ms=20_000, beats=True) if isinstance(event, Beat))


def wait_for(node: Node, client: Client, *modes: Mode, logged: bool = True) -> str:
    """Until these modes hold in every place that names modes; returns the snapshot's words for them."""
    names = set(map(str, modes))
    node.wait_for(lambda: names <= set(beat_of(client).degraded))
    for mode in modes:
        node.wait_for(lambda mode=mode: f'edge_agent_degraded{{mode="{mode}"}} 1.0\n' in got(node, "/metrics")[1])
        if logged:
            node.wait_for_log(f'"event": "ModeChanged", "mode": "{mode}", "holds": true')
    status, body = got(node, "/healthz")
    told = json.loads(body)
    assert names <= set(told["degraded"])
    assert names & set(told["missing"]) == {str(mode) for mode in modes if not MEANINGS[mode].ready}
    assert (status, told["ready"]) == ((503, False) if told["missing"] else (200, True))
    words = [words for words in client.snapshot().degraded if words.partition(": ")[0] in names]
    assert {one.partition(": ")[0] for one in words} == names
    return "; ".join(words)


def wait_until_over(node: Node, client: Client, mode: Mode) -> None:
    """Until a snapshot does not name the mode any more, and the log says so."""
    node.wait_for(lambda: not any(words.startswith(f"{mode}: ") for words in client.snapshot().degraded))
    node.wait_for_log(f'"event": "ModeChanged", "mode": "{mode}", "holds": false')


def refusal(client: Client, text: str = "go to dock 3") -> Code:
    with pytest.raises(EdgeAgentError) as refused:
        client.command(text)
    return refused.value.code


def children_of(node: Node, module: str) -> list[int]:
    """The node's own processes that run this module."""
    assert node.process is not None
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue
        if module.encode() in words and int(parent) == node.process.pid:
            found.append(int(entry.name))
    return found


def test_a_full_disk_is_no_journal(start: Callable[..., Node]) -> None:
    """Commands are refused and stops work; with room again the mode is over. The log has the same disk."""
    node = start()
    assert node.process is not None
    with node.client() as client:
        resource.prlimit(node.process.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
        assert refusal(client) is Code.JOURNAL_UNAVAILABLE
        wait_for(node, client, Mode.NO_JOURNAL, logged=False)
        assert client.halt("full").stop_id
        resource.prlimit(node.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        wait_until_over(node, client, Mode.NO_JOURNAL)
        node.wait_for(lambda: got(node, "/healthz")[0] == 200)  # a stop that somebody wanted is no fault


def test_a_damaged_journal_leaves_a_node_that_stops_until_somebody_has_looked(start: Callable[..., Node]) -> None:
    """In doubt until the next start; stop-only until the stop is released by its id."""

    def damage(node: Node) -> None:
        node.state_dir.mkdir()
        (node.state_dir / "journal.db").write_bytes(b"no journal at all" * 1_000)

    node = start(prepare=damage)
    with node.client() as client:
        assert "journal.damaged-1" in wait_for(node, client, Mode.JOURNAL_IN_DOUBT, Mode.STOP_ONLY)
        assert refusal(client) is Code.STOPPED
        stop_id = client.snapshot().stop_id
        assert stop_id is not None
        client.resume(stop_id)
        wait_until_over(node, client, Mode.STOP_ONLY)
        assert client.command("go to dock 3", ttl_ms=60_000).outcome is Outcome.ACTIONS
        node.wait_for(lambda: got(node, "/healthz")[0] == 200)


def test_metrics_whose_place_is_taken_are_no_metrics(start: Callable[..., Node]) -> None:
    """The node starts all the same, and says so where it can."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        node = start(health={"metrics": f"127.0.0.1:{taken.getsockname()[1]}"})
        with node.client() as client:
            assert Mode.NO_METRICS in beat_of(client).degraded
            assert any("in use" in words for words in client.snapshot().degraded)
            assert client.command("go to dock 3", ttl_ms=60_000).outcome is Outcome.ACTIONS


def test_keys_that_cannot_be_trusted_are_no_gatekeeper(keyed: KeyedNode) -> None:
    """A file of keys that others may write is not read; who is turned away is counted, who was let in goes on."""
    operator = keyed.keys.add("operator", **OPERATOR)
    node = keyed.node.start()
    with keyed.client(operator) as client:
        with keyed.client(keyed.keys.stranger(), connect_ms=500) as stranger, pytest.raises(EdgeAgentError):
            stranger.snapshot()
        counted = 'edge_agent_handshakes_refused_total{code="KEY_INVALID"}'
        node.wait_for(lambda: counted in got(node, "/metrics")[1])
        (keyed.keys.folder / "clients.toml").chmod(0o666)
        assert "chmod 644" in wait_for(node, client, Mode.NO_GATEKEEPER)
        assert client.command("go to dock 3", ttl_ms=60_000).outcome is Outcome.ACTIONS
        (keyed.keys.folder / "clients.toml").chmod(0o644)
        wait_until_over(node, client, Mode.NO_GATEKEEPER)


def test_what_else_a_node_can_be_without(
    start: Callable[..., Node], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One misfortune after the other: its server away, no such microphone, no stop words, hot, its ear killed, its
    model gone."""
    pytest.importorskip("pocketsphinx")
    for package in ("livekit", "livekit/wakeword"):  # in the place of the one that has the stop words' networks
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def prepare(node: Node) -> None:
        shutil.copy(bundled_model(), node.folder / "own.gguf")
        node.settings["model"] = {"path": str(node.folder / "own.gguf"), "draft": "off"}
        node.settings["health"]["thermal"] = str(node.folder)
        (node.folder / "thermal_zone0").mkdir()
        (node.folder / "thermal_zone0" / "type").write_text("cpu-thermal\n")
        heated(node, 91)

    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    node = start(
        "--model",
        prepare=prepare,
        remote={"url": url},
        speech={"microphones": [{"name": "counter", "device": "no such device"}]},
        health={"hot_c": 80},
    )
    with node.client() as client:
        words = wait_for(node, client, Mode.NO_REMOTE, Mode.NO_MICROPHONE, Mode.NO_SPOKEN_STOP, Mode.HOT)
        assert "microphone counter" in words and "91 °C" in words
        assert client.command("go to dock 3", ttl_ms=60_000).outcome is Outcome.ACTIONS
        heated(node, 70)
        wait_until_over(node, client, Mode.HOT)
        with killing_on(node, EAR):
            wait_for(node, client, Mode.NO_SPEECH)
            assert client.command("go to packing", ttl_ms=60_000).outcome is Outcome.ACTIONS, (
                "typed commands need no ear"
            )
        (node.folder / "own.gguf").unlink()
        for pid in children_of(node, ENGINE):
            os.kill(pid, signal.SIGKILL)
        wait_for(node, client, Mode.NO_LOCAL_MODEL, Mode.NO_MODEL)
        answer = client.command("go to dock 3")
        assert answer.outcome in (Outcome.FAILED, Outcome.EXPIRED) and answer.actions == ()
        assert client.halt("test").stop_id


def heated(node: Node, celsius: int) -> None:
    (node.folder / "thermal_zone0" / "temp").write_text(f"{celsius}000\n")


@contextmanager
def killing_on(node: Node, module: str) -> Iterator[None]:
    """Every process of this module is killed as soon as it is there."""
    ending = threading.Event()

    def kill() -> None:
        while not ending.wait(0.05):
            for pid in children_of(node, module):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()
