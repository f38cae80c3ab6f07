"""The engine's process: `python -m edge_agent.language.child SOCKET PARENT`.

It loads, proves itself with one decode, and answers over the socket it was given, in JSON: what is asked while others
are being decided joins them at the next pass. It holds no keys, opens nothing else but the model and its own cache,
and dies with its parent. It decides nothing about its own life: its parent does.
"""

from __future__ import annotations

import sys
from multiprocessing.connection import Connection

from edge_agent.clock import SystemClock
from edge_agent.errors import ClientFault, Code, EdgeAgentError, NodeFault
from edge_agent.language.batching import Finished
from edge_agent.language.decision import Decision
from edge_agent.language.engine import build_facts
from edge_agent.language.local import LocalEngine
from edge_agent.language.options import EngineOptions
from edge_agent.language.prompt import Prompt
from edge_agent.language.wire import (
    MESSAGE_BYTES_MAX,
    JsonObject,
    decision_object,
    pack_message,
    read_message,
    read_request,
)
from edge_agent.processes.faults import fault_object
from edge_agent.processes.mortal import die_with_parent


def main() -> int:
    """Serve until the socket closes."""
    die_with_parent(int(sys.argv[2]))
    connection = Connection(int(sys.argv[1]))
    server = _Server()
    try:
        while True:
            while not server.busy or connection.poll(0):
                for reply in server.hear(read_message(connection.recv_bytes(MESSAGE_BYTES_MAX))):
                    connection.send_bytes(pack_message(reply))
            for reply in server.step():
                connection.send_bytes(pack_message(reply))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return 0


class _Server:
    def __init__(self) -> None:
        self._engine: LocalEngine | None = None

    @property
    def busy(self) -> bool:
        """Whether sentences are being decided."""
        return self._engine is not None and self._engine.busy

    def hear(self, message: JsonObject) -> list[JsonObject]:
        """Take a message in; what is to be answered at once."""
        try:
            match message:
                case {"decide": dict(request), "number": str(number)} if self._engine:
                    return self._decide(request, number)
                case {"withdraw": str(number)} if self._engine:
                    self._engine.withdraw(number)
                    return [_reply(Finished(number, ClientFault(Code.STOPPED, "the question was withdrawn")))]
                case {"usual": [*answers], "pack": str(pack)} if self._engine:
                    self._engine.learn_usual(pack, answers)
                    return []
            return [self._prepare(message)]
        except EdgeAgentError as problem:
            return [{"error": fault_object(problem)}]

    def step(self) -> list[JsonObject]:
        """One pass; answers to those that are decided now."""
        return [_reply(finished) for finished in self._engine.step()] if self._engine else []

    def _decide(self, request: JsonObject, number: str) -> list[JsonObject]:
        assert self._engine is not None, "the caller has looked"
        try:
            self._engine.add(read_request(request), number)
        except EdgeAgentError as problem:
            return [_reply(Finished(number, problem))]
        return []

    def _prepare(self, message: JsonObject) -> JsonObject:
        match message:
            case {"build": dict()}:
                return {"build": build_facts()}
            case {"load": dict(options)}:
                self._engine = LocalEngine(EngineOptions.of_object(options), SystemClock())
                return {"loaded": self._engine.facts()}
            case {"prompts": dict(prompts)} if self._engine:
                prepared = self._engine.prepare({name: Prompt.of_object(one) for name, one in prompts.items()})
                return {"ready": prepared}
            case {"trials": [*trials]} if self._engine:
                return {"tried": {"grammar_trials": self._engine.try_grammars(trials)}}
        raise NodeFault(Code.INTERNAL, f"the engine's process does not know {sorted(message)}")


def _reply(finished: Finished[Decision]) -> JsonObject:
    if isinstance(finished.result, EdgeAgentError):
        return {"number": finished.ticket, "error": fault_object(finished.result)}
    return {"number": finished.ticket, "decision": decision_object(finished.result)}


if __name__ == "__main__":
    sys.exit(main())
