"""One engine process: how it is started, spoken to and ended.

Decides nothing about what to try when it does not start (`placement` does); it tries it, and says in `facts` what it
came to.
"""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from edge_agent.errors import Code, EdgeAgentError, NodeFault
from edge_agent.grammar.selftest import Trial, trials
from edge_agent.language.instruction import pack_prompt
from edge_agent.language.models import header_of
from edge_agent.language.options import EngineOptions
from edge_agent.language.phrase_answers import usual_answers
from edge_agent.language.placement import next_try
from edge_agent.language.prompt import Style
from edge_agent.language.wire import MESSAGE_BYTES_MAX, JsonObject, pack_message, read_fault, read_message
from edge_agent.limits import ENGINE_LOAD_S_MAX
from edge_agent.packs.base import Pack
from edge_agent.processes.spawn import Spawned, spawn

_USUAL_PORTION: Final = 250
"""Answers in one message: about a millisecond of the engine's time, between two passes."""


class Child:
    """A running engine process and the one socket to it."""

    def __init__(self, spawned: Spawned, connection: Connection) -> None:
        self._spawned = spawned
        self._connection = connection
        self._sending = threading.Lock()
        self.facts: dict[str, Any] = {}

    @property
    def pid(self) -> int:
        return self._spawned.pid

    def ask(self, message: JsonObject, timeout_ms: float) -> JsonObject | None:
        """The reply to a message, or None when there is none in time; while nothing else is awaited.

        Raises:
            NodeFault: ENGINE_CRASHED when the process died or its reply is no message.
        """
        self.tell(message)
        try:
            if not self._connection.poll(max(0.0, timeout_ms / 1000.0)):
                return None
        except OSError as problem:
            raise died() from problem
        return self.hear()

    def tell(self, message: JsonObject, timeout_ms: float = ENGINE_LOAD_S_MAX * 1000.0) -> bool:
        """Send a message; from any thread. False when the process does not take it in time.

        Raises:
            NodeFault: ENGINE_CRASHED when the process died.
        """
        data, until_s = pack_message(message), time.monotonic() + timeout_ms / 1000.0
        if not self._sending.acquire(timeout=max(0.0, timeout_ms / 1000.0)):
            return False
        try:
            if not self._takes(until_s - time.monotonic()):
                return False
            self._connection.send_bytes(data)
        except OSError as problem:
            raise died() from problem
        finally:
            self._sending.release()
        return True

    def _takes(self, timeout_s: float) -> bool:
        """Whether the socket has room: it says so while three quarters of it are free (net/unix/af_unix.c)."""
        poll = select.poll()
        poll.register(self._connection.fileno(), select.POLLOUT)
        return bool(poll.poll(max(0.0, timeout_s * 1000.0)))

    def hear(self) -> JsonObject:
        """The next message; waits for it.

        Raises:
            NodeFault: ENGINE_CRASHED when the process died or says what is no message.
        """
        try:
            return read_message(self._connection.recv_bytes(MESSAGE_BYTES_MAX))
        except (EOFError, OSError) as problem:
            raise died() from problem

    def kill(self) -> None:
        """End the process at once; the socket is closed with it by the kernel."""
        self._spawned.kill()

    def wait(self) -> int:
        """Wait for the end; minus the signal's number, or the exit status."""
        return self._spawned.wait()

    def last_words(self) -> str:
        """The end of what the process wrote to its standard error: a failed assertion of native code, a traceback."""
        return self._spawned.last_words()

    def discard(self) -> int:
        """Kill, wait and close; for a child that nobody else knows of."""
        self.kill()
        status = self.wait()
        self._connection.close()
        return status


def died() -> NodeFault:
    """What becomes of a question to an engine that is no more."""
    return NodeFault(Code.ENGINE_CRASHED, "the engine's process died; it is being started again")


def launch(options: EngineOptions, packs: tuple[Pack, ...], *, prove: bool) -> Child:
    """A child that has loaded the model, computed the packs' prompts and decoded once.

    With `prove` the packs' grammars are tried in it too; they do not change from one start to the next.

    Raises:
        ConfigurationFault: the MODEL_ codes.
        NodeFault: ENGINE_CRASHED, ENGINE_UNAVAILABLE.
    """
    refused: list[str] = []
    while True:
        child, build = _spawn(), JsonObject()
        try:
            build = _expect(child, {"build": {}}, "build")
            child.facts = build | _prepared(child, options, packs, prove=prove)
        except NodeFault as problem:
            child.discard()
            gpu_build = bool(build.get("gpu_build"))
            following = next_try(options, problem.code, gpu_build=gpu_build, total_layers=_total_layers(options.model))
            if following is None:
                raise
            options, instead = following
            refused.append(f"{instead}; before that {problem.message}")
        except BaseException:
            child.discard()
            raise
        else:
            child.facts |= {"fallback": "; ".join(refused)} if refused else {}
            return child


def _prepared(child: Child, options: EngineOptions, packs: tuple[Pack, ...], *, prove: bool) -> JsonObject:
    """What a child says of itself once it has loaded and proven itself."""
    loaded = _expect(child, {"load": options.to_object()}, "loaded")
    prompts = {pack.name: pack_prompt(pack, Style(loaded["style"])) for pack in packs}
    proven = _expect(child, {"prompts": {name: prompt.to_object() for name, prompt in prompts.items()}}, "ready")
    put = [trial_object(one) for pack in packs for one in trials(pack)] if prove else []
    return loaded | proven | _expect(child, {"trials": put}, "tried")


def _total_layers(model: Path) -> int:
    """What `n_gpu_layers` is when all of the model is on a card; 0 where its header does not say."""
    try:
        metadata = header_of(model).metadata
        return int(str(metadata[f"{metadata['general.architecture']}.block_count"])) + 1
    except (EdgeAgentError, KeyError, ValueError):
        return 0


def _expect(child: Child, message: JsonObject, key: str) -> JsonObject:
    started = time.monotonic()
    try:
        reply = child.ask(message, ENGINE_LOAD_S_MAX * 1000.0)
    except NodeFault as problem:
        status = child.discard()
        took = time.monotonic() - started
        words = child.last_words()
        why = f"the engine's process died while starting (exit status {status}, after {took:.1f} s) {words}".rstrip()
        raise NodeFault(problem.code, why) from problem
    if reply is None:
        raise NodeFault(Code.ENGINE_UNAVAILABLE, f"the model was not loaded within {ENGINE_LOAD_S_MAX:g} s")
    if "error" in reply:
        raise read_fault(reply["error"])
    result = reply.get(key)
    if not isinstance(result, dict):
        raise NodeFault(Code.ENGINE_UNAVAILABLE, f"the engine's process did not say {key!r}")
    return result


def usual_messages(packs: tuple[Pack, ...]) -> Iterator[JsonObject]:
    """What is usually answered to the packs' phrases, in small messages, for the engine to draft from."""
    for pack in packs:
        answers = [(one.marks, one.answer, one.count) for one in usual_answers(pack)]
        for first in range(0, len(answers), _USUAL_PORTION):
            yield {"usual": answers[first : first + _USUAL_PORTION], "pack": pack.name}


def trial_object(trial: Trial) -> JsonObject:
    return {"name": trial.name, "grammar": trial.grammar, "valid": trial.valid, "invalid": trial.invalid}


def _spawn() -> Child:
    # ggml would attach a debugger to a dying process to print where it died
    spawned = spawn("edge_agent.language.child", environment={"GGML_NO_BACKTRACE": "1"})
    return Child(spawned, Connection(spawned.socket.detach()))
