"""The engine's process: `python -m edge_agent.language.child SOCKET PARENT`.

It loads, proves itself with one decode, and answers one request at a time over the socket it was given, in JSON. It
holds no keys, opens nothing else, and dies with its parent. It decides nothing about its own life: its parent does.
"""

from __future__ import annotations

import sys
from multiprocessing.connection import Connection

from edge_agent.clock import SystemClock
from edge_agent.errors import Code, EdgeAgentError, NodeFault
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
    while True:
        try:
            message = read_message(connection.recv_bytes(MESSAGE_BYTES_MAX))
            reply = server.reply(message)
            connection.send_bytes(pack_message(reply))
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return 0


class _Server:
    def __init__(self) -> None:
        self._engine: LocalEngine | None = None

    def reply(self, message: JsonObject) -> JsonObject:
        try:
            return self._serve(message)
        except EdgeAgentError as problem:
            return {"error": fault_object(problem)}

    def _serve(self, message: JsonObject) -> JsonObject:
        match message:
            case {"load": dict(options)}:
                self._engine = LocalEngine(EngineOptions.of_object(options), SystemClock())
                return {"loaded": self._engine.facts()}
            case {"prompts": dict(prompts)} if self._engine:
                prepared = self._engine.prepare({name: Prompt.of_object(one) for name, one in prompts.items()})
                return {"ready": prepared}
            case {"trials": [*trials]} if self._engine:
                return {"tried": {"grammar_trials": self._engine.try_grammars(trials)}}
            case {"decide": dict(request)} if self._engine:
                return {"decision": decision_object(self._engine.decide(read_request(request)))}
        raise NodeFault(Code.INTERNAL, f"the engine's process does not know {sorted(message)}")


if __name__ == "__main__":
    sys.exit(main())
