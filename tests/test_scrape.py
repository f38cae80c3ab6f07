"""The metrics' HTTP server: what it serves, what it refuses, and that nobody can use it against the node."""

from __future__ import annotations

import json
import re
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from node_harness import Node, fresh_node

from edge_agent import limits
from edge_agent.clock import ManualClock
from edge_agent.errors import Code, ConfigurationFault
from edge_agent.messages import Outcome
from edge_agent.node.compose import run_node
from edge_agent.observe.events import NodeBeat
from edge_agent.observe.modes import Degraded, Mode
from edge_agent.observe.readiness import Readiness, Ready
from edge_agent.observe.scrape import Address, ScrapeServer, scrape_address
from edge_agent.observe.vitals import Vitals
from edge_agent.settings import HealthSettings, Settings

ANY_PORT = ("127.0.0.1", 0)
READY = Ready(())
GET = b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n"


@contextmanager
def served(
    render: Callable[[], bytes] = lambda: b"x 1\n", ready: Ready = READY, address: Address = ANY_PORT
) -> Iterator[ScrapeServer]:
    """A server of its own."""
    with closing(ScrapeServer(address, render, "text/plain", lambda: ready, again_s=0.05)) as server:
        yield server


def connected(where: str) -> socket.socket:
    """A connection to a server, by TCP or by its file."""
    if where.startswith("/"):
        one = socket.socket(socket.AF_UNIX)
        one.connect(where)
    else:
        host, port = where.rsplit(":", 1)
        one = socket.create_connection((host, int(port)))
    one.settimeout(20)
    return one


def asked(where: str, request: bytes) -> tuple[int, bytes]:
    """The status and the body that come back; status 0 when the connection is closed without a word."""
    with connected(where) as one:
        whole = b""
        try:
            one.sendall(request)
            while part := one.recv(65_536):
                whole += part
        except ConnectionError:
            pass
    head, _, body = whole.partition(b"\r\n\r\n")
    return int(head.split()[1]) if head else 0, body


@pytest.mark.parametrize(
    ("text", "address"),
    [
        pytest.param("127.0.0.1:9464", ("127.0.0.1", 9464), id="loopback"),
        pytest.param("127.1.2.3:9464", ("127.1.2.3", 9464), id="another loopback"),
        pytest.param("[::1]:9464", ("::1", 9464), id="loopback of IPv6"),
        pytest.param("/run/edge-agent/metrics.sock", Path("/run/edge-agent/metrics.sock"), id="a file"),
    ],
)
def test_loopback_and_files_are_served(text: str, address: Address) -> None:
    """Whoever is on this machine may look; the mode of a file says who of them."""
    assert scrape_address(text) == address


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param("0.0.0.0:9464", Code.INSECURE_BIND, id="every interface"),
        pytest.param("[::]:9464", Code.INSECURE_BIND, id="every interface of IPv6"),
        pytest.param("192.168.1.5:9464", Code.INSECURE_BIND, id="the network"),
        pytest.param("localhost:9464", Code.SETTINGS_INVALID, id="a name, which may mean anything"),
        pytest.param("9464", Code.SETTINGS_INVALID, id="a port alone"),
        pytest.param("127.0.0.1:70000", Code.SETTINGS_INVALID, id="no such port"),
        pytest.param("metrics.sock", Code.SETTINGS_INVALID, id="a relative path"),
        pytest.param("/run/metrics\0.sock", Code.SETTINGS_INVALID, id="no path at all"),
    ],
)
def test_nothing_that_others_could_reach_is_served(text: str, code: Code) -> None:
    """There are no keys on this socket."""
    with pytest.raises(ConfigurationFault) as refused:
        scrape_address(text)
    assert refused.value.code is code
    assert refused.value.where == "health.metrics"


def test_a_node_does_not_start_with_metrics_for_everybody(tmp_path: Path) -> None:
    """INSECURE_BIND, before anything is opened."""
    health = HealthSettings(metrics="0.0.0.0:9464")
    with pytest.raises(ConfigurationFault) as refused:
        run_node(Settings(runtime_dir=tmp_path, state_dir=tmp_path, health=health))
    assert refused.value.code is Code.INSECURE_BIND
    assert not (tmp_path / "journal.db").exists()


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        pytest.param(GET % b"/metrics", 200, id="metrics"),
        pytest.param(GET % b"/metrics?name[]=x", 200, id="metrics, with a question"),
        pytest.param(GET % b"/healthz", 200, id="health"),
        pytest.param(GET % b"/", 404, id="nothing else"),
        pytest.param(GET % b"/../etc/passwd", 404, id="no files"),
        pytest.param(b"POST /metrics HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 405, id="GET only"),
        pytest.param(b"\x16\x03\x01\x02\x00\r\n\r\n", 400, id="TLS"),
        pytest.param(b"GET /metrics\r\n\r\n", 400, id="no version"),
        pytest.param(b"x" * 100_000 + b"\r\n\r\n", 0, id="more than a request"),
    ],
)
def test_two_things_can_be_got_and_nothing_else(request_: bytes, status: int) -> None:
    """Whatever comes, the next one is answered."""
    with served() as server:
        assert asked(server.where, request_)[0] == status
        assert asked(server.where, GET % b"/metrics") == (200, b"x 1\n")


def test_health_names_what_is_missing() -> None:
    """503 while commands are not carried out; what is only degraded is named, and ready."""
    with served(ready=Ready(("no_model",), ("no_model", "hot"))) as server:
        status, body = asked(server.where, GET % b"/healthz")
    told = {"ready": False, "missing": ["no_model"], "degraded": ["no_model", "hot"]}
    assert (status, json.loads(body)) == (503, told)
    with served(ready=Ready((), ("hot",))) as server:
        status, body = asked(server.where, GET % b"/healthz")
    assert (status, json.loads(body)["ready"]) == (200, True)


def test_a_node_is_ready_by_its_last_beat() -> None:
    """Starting before the first one, stalled when it is old; a mode counts by what it leaves, a stop does not count."""
    clock = ManualClock()
    readiness = Readiness(clock)
    assert readiness.look().missing == ("starting",)
    lacks = (Degraded(Mode.NO_JOURNAL, "full"), Degraded(Mode.NO_MICROPHONE, "a"), Degraded(Mode.NO_MICROPHONE, "b"))
    readiness(NodeBeat(1, Vitals(0.0, True, lacks, True, 0, 0)))
    assert readiness.look() == Ready(("no_journal",), ("no_journal", "no_microphone"))
    readiness(NodeBeat(2, Vitals(0.0, True, (), True, 0, 0)))
    assert readiness.look() == Ready(())
    clock.advance(limits.SILENCE_MS)
    assert readiness.look().missing == ("stalled",)


def test_a_file_has_its_mode_and_a_dead_one_is_replaced(tmp_path: Path) -> None:
    """0660; of a server that was killed the file stays behind. A living one's place is not taken."""
    path = tmp_path / "metrics.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with served(address=path) as server:
        assert server.trouble == ""
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert asked(str(path), GET % b"/metrics")[0] == 200
        with served(address=path) as second:
            assert "somebody listens there already" in second.trouble or "in use" in second.trouble
        assert asked(str(path), GET % b"/metrics")[0] == 200


def test_an_address_that_is_taken_is_tried_again() -> None:
    """The trouble is named, and over as soon as the address is free."""
    with socket.create_server(ANY_PORT) as taken:
        server = ScrapeServer(taken.getsockname()[:2], lambda: b"", "text/plain", lambda: Ready(()), again_s=0.05)
        with closing(server):
            assert "in use" in server.trouble
            taken.close()
            while server.trouble:
                time.sleep(0.01)
            assert asked(server.where, GET % b"/metrics")[0] == 200


def test_the_text_is_made_once_for_many() -> None:
    """A crowd of scrapers costs the node no more than one of them."""
    made: list[int] = []

    def render() -> bytes:
        made.append(1)
        return b"x 1\n"

    with served(render) as server:
        for _ in range(20):
            assert asked(server.where, GET % b"/metrics")[0] == 200
    assert len(made) < 20


def test_who_does_not_take_the_answer_is_cut_off() -> None:
    """Fifty megabytes for somebody who reads none of it: the connection ends, and others are served meanwhile."""
    whole = b"x" * 50_000_000
    with served(lambda: whole) as server, connected(server.where) as deaf:
        deaf.sendall(GET % b"/metrics")
        assert asked(server.where, GET % b"/healthz")[0] == 200
        time.sleep(limits.SCRAPE_MS_MAX / 1000.0 + 0.5)
        taken = 0
        try:
            while part := deaf.recv(1_000_000):
                taken += len(part)
        except ConnectionError:
            pass
        assert taken < len(whole)


class Drippers:
    """Scrapers that send a byte now and then and never come to an end; whoever is cut off comes again."""

    def __init__(self, where: str, count: int) -> None:
        self._where = where
        self._count = count
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._drip)

    def _drip(self) -> None:
        with ExitStack() as stack:
            while not self._ending.is_set():
                open_ = [stack.enter_context(connected(self._where)) for _ in range(self._count)]
                for _ in range(20):
                    for one in open_:
                        try:
                            one.send(b"G")
                        except ConnectionError:
                            continue
                    self._ending.wait(0.01)
                for one in open_:
                    one.close()

    def __enter__(self) -> Drippers:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()


@pytest.fixture
def node() -> Iterator[Node]:
    yield from fresh_node(health={"metrics": "127.0.0.1:0"})


def test_scrapers_that_never_end_keep_nobody_from_anything(node: Node) -> None:
    """Forty of them at a time: every command is answered in its time, metrics are served, and a stop stops."""
    node.start()
    found = re.search(r"served at ([\d.:]+)", node.log())
    assert found
    where = found[1]
    with Drippers(where, 40), node.client() as client:
        for number in range(50):
            assert client.command("go to dock 3", ttl_ms=60_000).outcome is Outcome.ACTIONS
            if number % 10 == 0:
                status, _body = asked(where, GET % b"/metrics")
                assert status in (0, 200), "in a crowd the oldest is closed, which may be this one"
        assert client.halt("test").stop_id

    def all_counted() -> bool:
        """One text serves everybody for half a second, so the latest answers may be in the next one only."""
        status, body = asked(where, GET % b"/metrics")
        assert status == 200
        return b'edge_agent_answers_total{outcome="actions",pack="robot"} 50.0' in body

    node.wait_for(all_counted)
    assert node.stop() == 0
