"""The parent's end of a measuring process: started, asked one thing at a time, ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection

from edge_agent.benchmarking.samples import Sample, Way
from edge_agent.errors import Code, NodeFault
from edge_agent.language.decision import DecideRequest
from edge_agent.language.options import EngineOptions
from edge_agent.language.prompt import Prompt
from edge_agent.language.wire import (
    MESSAGE_BYTES_MAX,
    JsonObject,
    pack_message,
    read_fault,
    read_message,
    request_object,
)
from edge_agent.processes.spawn import Spawned, spawn

ANSWER_S_MAX = 900.0
"""A large model loaded from a slow disk, or its prompt computed on a processor."""


class Measuring:
    """One process with one engine."""

    def __init__(self, spawned: Spawned) -> None:
        self._spawned = spawned
        self._connection = Connection(spawned.socket.detach())

    def load_ours(self, options: EngineOptions) -> JsonObject:
        """Our engine; what was loaded.

        Raises:
            EdgeAgentError: the engine's own, or ENGINE_CRASHED.
        """
        return self._ask({"ours": options.to_object()})

    def prepare(self, prompts: Mapping[str, Prompt]) -> JsonObject:
        """Compute the packs' prompts."""
        return self._ask({"prepare": _objects(prompts)})

    def load_stock(self, options: EngineOptions, prompts: Mapping[str, Prompt]) -> None:
        """The stock engine."""
        self._ask({"stock": options.to_object(), "prompts": _objects(prompts)})

    def accepts(self, grammar: str, answer: str) -> bool:
        """Whether the grammar has this answer."""
        return bool(self._ask({"accepts": answer, "grammar": grammar})["accepts"])

    def measure(self, request: DecideRequest, way: Way, draft: str = "") -> Sample:
        """Decide one sentence in one way."""
        message: JsonObject = {"measure": request_object(request)}
        if way is not Way.STOCK:
            message |= {"way": way.value, "draft": draft}
        return Sample.of_object(self._ask(message))

    def _ask(self, message: JsonObject) -> JsonObject:
        try:
            self._connection.send_bytes(pack_message(message))
            if not self._connection.poll(ANSWER_S_MAX):
                raise NodeFault(Code.ENGINE_UNAVAILABLE, f"a measuring process was silent for {ANSWER_S_MAX:g} s")
            reply = read_message(self._connection.recv_bytes(MESSAGE_BYTES_MAX))
        except (EOFError, OSError) as problem:
            status = self._spawned.wait()
            why = f"a measuring process died (exit status {status}) {self._spawned.last_words()}".rstrip()
            raise NodeFault(Code.ENGINE_CRASHED, why) from problem
        if "error" in reply:
            raise read_fault(reply["error"])
        done: JsonObject = reply["done"]
        return done

    def end(self) -> None:
        """End the process, whatever it does."""
        self._spawned.kill()
        self._spawned.wait()
        self._connection.close()


@contextmanager
def measuring() -> Iterator[Measuring]:
    """A process of its own, ended afterwards."""
    # ggml would attach a debugger to a dying process to print where it died
    process = Measuring(spawn("edge_agent.benchmarking.child", environment={"GGML_NO_BACKTRACE": "1"}))
    try:
        yield process
    finally:
        process.end()


def _objects(prompts: Mapping[str, Prompt]) -> JsonObject:
    return {name: prompt.to_object() for name, prompt in prompts.items()}
