"""What systemd hears of a node."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path

import pytest
from node_harness import fresh_node

from edge_agent.observe.systemd import Systemd


def test_systemd_hears_datagrams(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(f"{folder}/notify")
        ear.settimeout(10)
        systemd = Systemd({"NOTIFY_SOCKET": f"{folder}/notify"})
        for tell, heard in (
            (systemd.ready, b"READY=1"),
            (systemd.alive, b"WATCHDOG=1"),
            (systemd.stopping, b"STOPPING=1"),
        ):
            tell()
            assert ear.recv(100) == heard


def test_a_start_asks_for_more_time_while_its_loop_goes_round() -> None:
    """A large model may load for minutes: until the node is ready, each sign of life asks for four intervals more."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(f"{folder}/notify")
        ear.settimeout(10)
        systemd = Systemd({"NOTIFY_SOCKET": f"{folder}/notify", "WATCHDOG_USEC": "6000000"})
        systemd.alive()
        assert ear.recv(100) == b"WATCHDOG=1\nEXTEND_TIMEOUT_USEC=12000000"
        systemd.ready()
        systemd.alive()
        assert [ear.recv(100), ear.recv(100)] == [b"READY=1", b"WATCHDOG=1"]


@pytest.mark.parametrize(
    ("environment", "expected_ms"),
    [
        pytest.param({}, 0.0, id="no watchdog"),
        pytest.param({"WATCHDOG_USEC": "10000000"}, 5_000.0, id="half of ten seconds"),
        pytest.param({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": str(os.getpid())}, 5_000.0, id="for this process"),
        pytest.param({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "1"}, 0.0, id="for another process"),
        pytest.param({"WATCHDOG_USEC": "soon"}, 0.0, id="no number"),
    ],
)
def test_the_watchdog_is_answered_at_half_its_interval(environment: dict[str, str], expected_ms: float) -> None:
    assert Systemd(environment).watchdog_ms == expected_ms


def test_without_systemd_nothing_is_said_and_nothing_breaks() -> None:
    Systemd({}).ready()
    Systemd({"NOTIFY_SOCKET": "/nowhere/notify"}).ready()


def test_a_running_node_reports_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """READY once it takes commands, WATCHDOG from the loop, STOPPING at the end."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(f"{folder}/notify")
        ear.settimeout(30)
        monkeypatch.setenv("NOTIFY_SOCKET", f"{folder}/notify")
        monkeypatch.setenv("WATCHDOG_USEC", "200000")
        for node in fresh_node():
            node.start()
            heard = [ear.recv(100)]
            while b"READY=1" not in heard or heard[-1] != b"WATCHDOG=1":
                heard.append(ear.recv(100))
            assert node.stop() == 0
            while heard[-1] != b"STOPPING=1":
                heard.append(ear.recv(100))
    assert heard.count(b"READY=1") == 1
