"""Reading a journalled command again, and what is different from then, stage by stage. Says nothing about why.

Mentions, grammar, the model's output, the reading that counted and the actions are compared as far as the journal has
them; a command that was not read to its end (expired, stopped, failed) has nothing to compare.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from edge_agent.errors import EdgeAgentError
from edge_agent.messages import Command, Outcome
from edge_agent.node.evidence import Evidence
from edge_agent.node.interpret import Interpretation, Interpreter
from edge_agent.node.readings import is_spoken_stop
from edge_agent.observe.records import CommandRow
from edge_agent.world.mention import Dialogue


class Stage(StrEnum):
    """Where a difference first shows."""

    STOP = "stop"
    ERROR = "error"
    MENTIONS = "mentions"
    GRAMMAR = "grammar"
    OUTPUT = "model"
    READING = "reading"
    ACTIONS = "actions"


@dataclass(frozen=True, slots=True)
class Difference:
    """What one stage gave then, and what it gives now."""

    stage: Stage
    then: str
    now: str


@dataclass(frozen=True, slots=True)
class Again:
    """A command read again. `differences` in the order of the stages; None when there was nothing to compare."""

    command_id: str
    differences: tuple[Difference, ...] | None
    note: str = ""


def read_again(row: CommandRow, interpreter: Interpreter, deadline_ms: float) -> Again:
    """Read it with the interpreter that is there now; an error is a difference, too."""
    asked = Command.model_validate_json(row.message) if row.message else None
    spoken = asked.spoken if asked is not None else None
    note = "" if asked is not None else "written before readings and context were kept: read by its words alone"
    stops = is_spoken_stop(row.text, spoken, prefix=interpreter.pack.stop_prefix)
    answer = json.loads(row.answer) if row.answer else {}
    then = answer.get("marked", "")
    if not then and (stops or row.outcome == Outcome.STOPPED):
        return _stop_again(row, answer, stops=stops, note=note)
    if not then:
        why = answer.get("error", {}).get("code", "") or row.outcome or "open"
        return Again(row.command_id, None, f"not read to its end then: {why}")
    evidence = Evidence.from_json(row.evidence)
    context = asked.context if asked is not None else None
    try:
        meaning = interpreter.interpret(
            row.text,
            deadline_ms=deadline_ms,
            dialogue=Dialogue(recent=evidence.recent if evidence is not None else ()),
            area=context.area if context is not None else None,
            speaker=context.speaker if context is not None else None,
            spoken=spoken,
        )
    except EdgeAgentError as problem:
        return Again(row.command_id, (Difference(Stage.ERROR, row.outcome, str(problem)),), note)
    return Again(row.command_id, tuple(_compared(row, answer, evidence, meaning)), note)


def _stop_again(row: CommandRow, answer: dict[str, Any], *, stops: bool, note: str) -> Again:
    if row.outcome != Outcome.STOPPED or answer.get("passes"):
        return Again(row.command_id, (Difference(Stage.STOP, row.outcome, "a stop"),), note)
    if not stops:
        return Again(row.command_id, None, "a stop came in between")
    return Again(row.command_id, (), note)


def _compared(
    row: CommandRow, answer: dict[str, Any], evidence: Evidence | None, meaning: Interpretation
) -> list[Difference]:
    pairs = [(Stage.MENTIONS, str(answer["marked"]), meaning.marked)]
    if evidence is not None:
        pairs.append((Stage.GRAMMAR, evidence.grammar_sha256[:16], meaning.evidence.grammar_sha256[:16]))
    pairs.append((Stage.OUTPUT, row.output, meaning.output))
    if evidence is not None:
        pairs.append((Stage.READING, evidence.heard, meaning.heard))
    found = [Difference(stage, then, now) for stage, then, now in pairs if then != now]
    then = _result(answer)
    now = list(meaning.actions) if meaning.reject is None else meaning.reject.reason.value
    if row.outcome in (Outcome.ACTIONS, Outcome.REJECT) and then != now:
        found.append(Difference(Stage.ACTIONS, _compact(then), _compact(now)))
    return found


def _result(answer: dict[str, Any]) -> list[Any] | str:
    """The actions, or the reason why there were none."""
    if answer.get("reject"):
        return str(answer["reject"]["reason"])
    return [planned["action"] for planned in answer.get("actions", [])]


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
