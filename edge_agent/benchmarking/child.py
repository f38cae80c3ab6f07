"""A measuring process: `python -m edge_agent.benchmarking.child SOCKET PARENT`, with one engine, ours or the stock one.

It answers one message at a time in JSON, as the engine's process does, and dies with its parent.
"""

from __future__ import annotations

import sys
from multiprocessing.connection import Connection

from edge_agent.benchmarking.ours import OurEngine
from edge_agent.benchmarking.samples import Way
from edge_agent.benchmarking.stock import StockEngine
from edge_agent.errors import Code, EdgeAgentError, NodeFault
from edge_agent.language.options import EngineOptions
from edge_agent.language.prompt import Prompt
from edge_agent.language.wire import MESSAGE_BYTES_MAX, JsonObject, pack_message, read_message, read_request
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
            connection.send_bytes(pack_message(server.reply(message)))
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return 0


class _Server:
    def __init__(self) -> None:
        self._ours: OurEngine | None = None
        self._stock: StockEngine | None = None

    def reply(self, message: JsonObject) -> JsonObject:
        try:
            return self._serve(message)
        except EdgeAgentError as problem:
            return {"error": fault_object(problem)}

    def _serve(self, message: JsonObject) -> JsonObject:
        match message:
            case {"stock": dict(options), "prompts": dict(prompts)}:
                self._stock = StockEngine(EngineOptions.of_object(options), _prompts(prompts))
                return {"done": {}}
            case {"ours": dict(options)}:
                self._ours = OurEngine(EngineOptions.of_object(options))
                return {"done": self._ours.facts()}
            case {"prepare": dict(prompts)} if self._ours:
                return {"done": self._ours.prepare(_prompts(prompts))}
            case {"accepts": str(answer), "grammar": str(grammar)} if self._ours:
                return {"done": {"accepts": self._ours.accepts(grammar, answer)}}
            case {"measure": dict(request)} if self._stock:
                return {"done": self._stock.measure(read_request(request)).to_object()}
            case {"measure": dict(request), "way": str(way), "draft": str(draft)} if self._ours:
                return {"done": self._ours.measure(read_request(request), Way(way), draft).to_object()}
        raise NodeFault(Code.INTERNAL, f"a measuring process does not know {sorted(message)}")


def _prompts(objects: JsonObject) -> dict[str, Prompt]:
    return {name: Prompt.of_object(one) for name, one in objects.items()}


if __name__ == "__main__":
    sys.exit(main())
