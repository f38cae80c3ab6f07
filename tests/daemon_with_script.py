"""A real daemon whose engine is a script: `python daemon_with_script.py SETTINGS.json`. Started by the node's tests.

With `--model` after it, the engine is the real one and the model the bundled one.

The script understands a few sentences of the robot and home packs. A sentence with "slowly" takes 1.5 s to decide, one
with "endlessly" until it is withdrawn, and one with "nonsense" gets an answer that no grammar would allow.
"""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from pathlib import Path

from edge_agent.errors import ClientFault, Code, EdgeAgentError
from edge_agent.language.decision import DecideRequest, Decision
from edge_agent.language.scripted import ScriptedDecider
from edge_agent.node.compose import run_node
from edge_agent.settings import Settings

SLOW_S = 1.5


class Withdrawable(ScriptedDecider):
    """Stops deciding what is withdrawn."""

    def __init__(self) -> None:
        super().__init__(answer_of)
        self._waiting: dict[str, threading.Event] = {}

    def decide(self, request: DecideRequest) -> Decision:
        if "endlessly" in request.marked:
            self._waiting[request.ticket] = threading.Event()
            self._waiting[request.ticket].wait()
            raise ClientFault(Code.STOPPED, "the question was withdrawn")
        return super().decide(request)

    def withdraw(self, ticket: str) -> None:
        if ticket in self._waiting:
            self._waiting.pop(ticket).set()


def answer_of(request: DecideRequest) -> str:
    """The model's answer to a marked sentence."""
    if "slowly" in request.marked:
        time.sleep(SLOW_S)
    if "nonsense" in request.marked:
        return '[{"action":"fly","object":1}]'
    actions: list[dict[str, object]] = []
    for part in request.marked.split(" then "):
        labels = [int(label) for label in re.findall(r"\[(\d+) ", part)]
        if "halt yourself" in part:
            actions.append({"action": "stop"})
        elif "unlock" in part and labels:
            actions.append({"action": "HassTurnOff", "name": labels[0]})
        elif "go" in part.split() and labels:
            actions.append({"action": "go_to", "place": labels[0]})
        elif "wait" in part and "[a " in part:
            actions.append({"action": "wait", "seconds": "a"})
        else:
            return '[{"action":"reject","reason":"unknown_entity"}]'
    return json.dumps(actions, separators=(",", ":"))


def main() -> int:
    """Run until a signal; errors go to stderr with their code."""
    settings = Settings.model_validate_json(Path(sys.argv[1]).read_bytes(), strict=False)
    try:
        if "--model" in sys.argv:
            return run_node(settings)
        return run_node(settings, lambda _settings, _packs: Withdrawable())
    except EdgeAgentError as problem:
        sys.stderr.write(f"{problem}\n")
        return 3


if __name__ == "__main__":
    raise SystemExit(main())
