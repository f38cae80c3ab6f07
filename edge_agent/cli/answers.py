"""How an answer looks: the sentence as the model saw it, the actions or the reason, and where the milliseconds went."""

from __future__ import annotations

import json
from collections.abc import Mapping

from edge_agent.cli.screen import Screen
from edge_agent.messages import Answer, JsonAction, Outcome, Rejection

_LABEL_CHARS = 10
_NOTHING = {
    Outcome.EXPIRED: "too late: nothing was sent",
    Outcome.STOPPED: "a stop holds until it is resumed by name",
    Outcome.FAILED: "nothing was sent",
}


def label(word: str, style: str = "dim") -> tuple[str, str]:
    """The word in front of a line."""
    return word.ljust(_LABEL_CHARS), style


def show_marked(screen: Screen, marked: str) -> None:
    """The sentence with its mentions."""
    if marked:
        screen.line(label("read"), marked)


def show_action(screen: Screen, action: JsonAction, remark: str = "") -> None:
    """One action as the robot gets it."""
    screen.line(label("action", "green"), compact(action), (f"  {remark}" if remark else "", "dim"))


def show_reject(screen: Screen, reject: Rejection) -> None:
    """Why nothing will happen."""
    detail = f"  {reject.detail}" if reject.detail else ""
    candidates = f"  ({', '.join(reject.candidates)})" if reject.candidates else ""
    screen.line(label("reject", "yellow"), (reject.reason.value, "yellow"), detail, candidates)
    for reading in reject.readings:
        actions = " then ".join(compact(action) for action in reading.actions)
        screen.line(label("perhaps"), actions, (f"  {reading.confidence:.2f}", "dim"))


def show_timings(screen: Screen, timings_ms: Mapping[str, float], *, passes: int, confidence: float | None) -> None:
    """Each stage's milliseconds, the total first; stages that took nothing are left out."""
    stages = {name.removesuffix("_ms"): value for name, value in timings_ms.items()}
    total = stages.pop("total", sum(stages.values()))
    parts = " · ".join(f"{name} {value:.1f}" for name, value in stages.items() if value >= 0.05)
    sure = f" · sure {confidence:.2f}" if confidence is not None else ""
    screen.line(label("took"), f"{total:.1f} ms", (f"  {parts}", "dim"), (f"  {passes} passes{sure}", "dim"))


def show_answer(screen: Screen, answer: Answer) -> None:
    """A command's whole answer."""
    show_marked(screen, answer.marked)
    for planned in answer.actions:
        needs = "waits for a yes" if planned.confirmation else f"tier {planned.tier}"
        show_action(screen, planned.action, f"{planned.action_id}, {needs}")
    if answer.reject is not None:
        show_reject(screen, answer.reject)
    elif answer.error is not None:
        screen.line(label("failed", "red"), (answer.error.code.value, "red"), f"  {answer.error.message}")
    elif answer.outcome in _NOTHING:
        screen.line(label(answer.outcome.value, "red"), _NOTHING[answer.outcome])
    timings = answer.timings.model_dump()
    show_timings(screen, timings, passes=answer.passes, confidence=answer.confidence)


def compact(value: object) -> str:
    """JSON on one line."""
    return json.dumps(value, ensure_ascii=False)
