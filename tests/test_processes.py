"""Child processes: frames, births, deaths and new starts; with real processes and real signals."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.clock import SystemClock
from edge_agent.errors import Code, ConfigurationFault, NodeFault
from edge_agent.limits import BACKLOG_BYTES_MAX, STILL_LOOKS
from edge_agent.processes.faults import fault_object
from edge_agent.processes.frames import BadFrame, JsonObject, pack_frame, read_frame
from edge_agent.processes.stillness import Stillness, at_work, processor_ticks
from edge_agent.processes.supervised import Supervised

ECHO = """
    import os, socket, sys
    from edge_agent.processes.frames import read_frame, write_frame
    from edge_agent.processes.mortal import die_with_parent
    die_with_parent(int(sys.argv[2]))
    file = socket.socket(fileno=int(sys.argv[1])).makefile("rwb")
    load, _ = read_frame(file)
    if load.get("stand_still_once") and not os.path.exists(load["stand_still_once"]):
        open(load["stand_still_once"], "w").close()
        os.kill(os.getpid(), 19)
    if load.get("fail"):
        write_frame(file, {"failed": load["fail"]})
        sys.exit(3)
    write_frame(file, {"ready": {"pid": os.getpid(), "secret": os.environ.get("A_SECRET", "")}})
    while True:
        header, payload = read_frame(file)
        if header.get("garbage"):
            file.write(b"\\x00\\x00\\x00\\x02\\x00\\x00\\x00\\x00[]")
            file.flush()
        elif header.get("sleep"):
            import time; time.sleep(60)
        else:
            write_frame(file, header, payload)
"""


class Ears:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        self.is_owed = False

    def came_up(self, facts: Mapping[str, Any]) -> None:
        self.heard.put_nowait(("up", facts))

    def said(self, header: JsonObject, payload: bytes) -> None:
        self.heard.put_nowait(("said", (header, payload)))

    def owes(self) -> bool:
        return self.is_owed

    def went_down(self, why: str) -> None:
        self.heard.put_nowait(("down", why))

    async def next(self, kind: str) -> Any:
        """The next thing it is told, which must be of this kind."""
        found, value = await asyncio.wait_for(self.heard.get(), 20)
        assert found == kind, (found, value)
        return value


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "echo_child.py").write_text(textwrap.dedent(ECHO))
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return "echo_child"


@asynccontextmanager
async def running(module: str, load: JsonObject | None = None) -> AsyncIterator[tuple[Supervised, Ears]]:
    ears = Ears()
    child = Supervised(module, lambda: load or {}, ears, SystemClock(), backoff_s=(0.0, 0.05), look_s=0.05)
    work = asyncio.create_task(child.run())
    try:
        yield child, ears
    finally:
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work


@given(header=st.dictionaries(st.text(), st.integers() | st.text()), payload=st.binary(max_size=500))
def test_a_frame_comes_back_as_it_went(header: dict[str, Any], payload: bytes) -> None:
    """Whatever it holds."""
    assert read_frame(io.BytesIO(pack_frame(header, payload))) == (header, payload)


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        pytest.param(b"", EOFError, id="nothing"),
        pytest.param(b"\0\0\0", EOFError, id="cut in the lengths"),
        pytest.param(pack_frame({"a": 1}, b"1234")[:-1], EOFError, id="cut in the payload"),
        pytest.param(b"\xff" * 8, BadFrame, id="absurd lengths"),
        pytest.param(b"\0\0\0\2\0\0\0\0[]", BadFrame, id="not an object"),
        pytest.param(b"\0\0\0\1\0\0\0\0{", BadFrame, id="not JSON"),
        pytest.param(b"\0\0\0\2\0\0\0\0\xff\xfe", BadFrame, id="not text"),
    ],
)
def test_what_is_no_frame_is_refused(data: bytes, fault: type[Exception]) -> None:
    """A cut stream is an end, anything else a bad frame; nothing else escapes."""
    with pytest.raises(fault):
        read_frame(io.BytesIO(data))


async def _answers(module: str) -> None:
    async with running(module) as (child, ears):
        assert not child.send({"too": "early"})
        facts = await ears.next("up")
        assert facts["pid"] == child.pid
        assert child.ready
        assert child.send({"hello": 1}, b"\x01\x02")
        assert await ears.next("said") == ({"hello": 1}, b"\x01\x02")


def test_a_child_is_loaded_and_answers(module: str) -> None:
    """And what is sent before it is there is refused instead of kept."""
    asyncio.run(_answers(module))


async def _comes_again(module: str) -> None:
    async with running(module) as (child, ears):
        first = await ears.next("up")
        os.kill(first["pid"], signal.SIGKILL)
        assert "exit status -9" in await ears.next("down")
        second = await ears.next("up")
        assert second["pid"] != first["pid"]
        assert child.restarts == 1
        assert child.send({"still": "there"})
        assert await ears.next("said") == ({"still": "there"}, b"")
        child.kill("too slow")
        assert "too slow" in await ears.next("down")
        await ears.next("up")


def test_a_killed_child_is_started_again(module: str) -> None:
    """By whoever killed it; how it ended is told."""
    asyncio.run(_comes_again(module))


async def _stops_while_loading(module: str, mark: Path) -> None:
    async with running(module, {"stand_still_once": str(mark)}) as (child, ears):
        assert "stood still" in await ears.next("down")
        await ears.next("up")
        assert child.restarts == 1


def test_a_child_that_stands_still_while_it_loads_is_started_again(module: str, tmp_path: Path) -> None:
    """Nobody waits for the end of the time to load."""
    asyncio.run(_stops_while_loading(module, tmp_path / "once"))


async def _stops_with_work(module: str) -> None:
    async with running(module) as (child, ears):
        first = await ears.next("up")
        os.kill(first["pid"], signal.SIGSTOP)
        await asyncio.sleep(1.0)  # twenty looks
        assert child.pid == first["pid"]
        ears.is_owed = True
        assert "stood still" in await ears.next("down")
        assert (await ears.next("up"))["pid"] != first["pid"]


def test_a_child_that_stands_still_is_ended_only_when_it_owes_something(module: str) -> None:
    """One that waits for work uses no processor time either."""
    asyncio.run(_stops_with_work(module))


@pytest.mark.parametrize(
    ("looks", "still"),
    [
        pytest.param([(7, True)] * (STILL_LOOKS + 1), True, id="no tick with something to do"),
        pytest.param([(7, True)] * STILL_LOOKS, False, id="not yet"),
        pytest.param([(tick, True) for tick in range(50)], False, id="slow, but it computes"),
        pytest.param([(7, True)] * STILL_LOOKS + [(8, True)] + [(8, True)] * (STILL_LOOKS - 1), False, id="one tick"),
        pytest.param([(7, False)] * 50, False, id="nothing to do"),
        pytest.param([(7, False)] * 50 + [(7, True)] * (STILL_LOOKS - 1), False, id="work that has only just come"),
        pytest.param([(None, True)] * 50, False, id="the kernel does not say"),
    ],
)
def test_slow_is_told_from_still(looks: list[tuple[int | None, bool]], still: bool) -> None:
    """By processor time, over several looks."""
    stillness = Stillness()
    assert any(stillness.look(ticks, owes=owes) for ticks, owes in looks) is still


def test_whoever_computes_uses_processor_time() -> None:
    """As the kernel counts it; of a process that is gone it says nothing."""
    before = processor_ticks(os.getpid())
    assert before is not None
    end = time.process_time() + 0.05
    while time.process_time() < end:
        pass
    after = processor_ticks(os.getpid())
    assert after is not None
    assert after > before
    assert processor_ticks(2**22 + 1) is None


def test_whoever_computes_is_told_from_whoever_waits_or_was_stopped() -> None:
    """As the kernel counts its threads; one that is gone does nothing."""
    with subprocess.Popen([sys.executable, "-c", "input()\nwhile True: pass"], stdin=subprocess.PIPE) as other:
        try:
            assert _becomes(other.pid, working=False)
            assert other.stdin is not None
            other.stdin.write(b"\n")
            other.stdin.flush()
            assert _becomes(other.pid, working=True)
            other.send_signal(signal.SIGSTOP)
            assert _becomes(other.pid, working=False)
        finally:
            other.kill()
    assert not at_work(other.pid)


def _becomes(pid: int, *, working: bool) -> bool:
    """It stays so for a while, too."""
    until_s, same = time.monotonic() + 20.0, 0
    while time.monotonic() < until_s and same < 20:
        same = same + 1 if at_work(pid) is working else 0
        time.sleep(0.005)
    return same == 20


async def _garbage(module: str) -> None:
    async with running(module) as (child, ears):
        await ears.next("up")
        child.send({"garbage": 1})
        assert "not an object" in await ears.next("down")
        await ears.next("up")


def test_a_child_that_sends_garbage_is_ended(module: str) -> None:
    """It is not trusted, and not read on."""
    asyncio.run(_garbage(module))


async def _fails(module: str) -> None:
    async with running(module, {"fail": fault_object(NodeFault(Code.MIC_LOST, "no sound today"))}) as (child, ears):
        assert "no sound today" in await ears.next("down")
        assert "no sound today" in await ears.next("down")
        assert not child.ready


def test_a_child_that_cannot_load_is_tried_again(module: str) -> None:
    """With its reason each time."""
    asyncio.run(_fails(module))


async def _gives_up(module: str) -> None:
    ears = Ears()
    fault = fault_object(ConfigurationFault(Code.MODEL_MISSING, "no such folder", where="speech.whisper"))
    child = Supervised(module, lambda: {"fail": fault}, ears, SystemClock(), backoff_s=(0.0,))
    await asyncio.wait_for(child.run(), 20)
    assert "no such folder" in await ears.next("down")
    assert ears.heard.empty()
    assert child.failure is not None
    assert child.failure.code is Code.MODEL_MISSING


def test_a_child_that_a_setting_keeps_from_loading_is_given_up(module: str) -> None:
    """The same file would fail the same way."""
    asyncio.run(_gives_up(module))


async def _backlog(module: str) -> None:
    async with running(module) as (child, ears):
        await ears.next("up")
        child.send({"sleep": 1})
        sent = 0
        while child.send({"sound": 1}, bytes(64_000)):
            sent += 64_000
            assert sent < 4 * BACKLOG_BYTES_MAX, "nobody ever said no"
        assert sent >= BACKLOG_BYTES_MAX / 2


def test_a_child_that_reads_nothing_is_not_fed_without_end(module: str) -> None:
    """Sending fails at the limit; memory does not grow."""
    asyncio.run(_backlog(module))


async def _secrets(module: str) -> None:
    async with running(module) as (_, ears):
        assert (await ears.next("up"))["secret"] == ""


def test_a_child_gets_no_secrets(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its environment holds what a process needs, not what its parent knows."""
    monkeypatch.setenv("A_SECRET", "key")
    asyncio.run(_secrets(module))
