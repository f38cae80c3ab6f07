"""Reads the golden set: sentences of our own for what must never go wrong, in groups of one kind.

A group of `golden/*.toml` names its `pack` and may name a `world` of `golden/worlds` (the pack's example world
otherwise), the speaker's `area` and the `speaker`. What must hold for its sentences is one of

- `exact`: rows of a sentence and the very actions, in order;
- `refuse`: a rejection, for `reason` where the group says one, with at least so many `candidates`;
- `stop`: the sentence is a stop, and no model is asked;
- `error`: the text is refused before it is read, with this code;
- `never`: none of these actions is answered, and none of these names stands in one. For sentences where several
  answers would do.

`needs_yes` says in addition whether every action waits for somebody's yes, or none does, when locks, heat and money do.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).parent / "golden"


@dataclass(frozen=True, slots=True)
class Case:
    """One sentence and what must hold."""

    id: str
    kind: str
    pack: str
    text: str
    world: Path | None = None
    area: str | None = None
    speaker: str | None = None
    exact: tuple[dict[str, Any], ...] | None = None
    refuse: bool = False
    reason: str | None = None
    candidates: int = 0
    stop: bool = False
    error: str | None = None
    never: tuple[str, ...] = ()
    needs_yes: bool | None = None


def golden_cases() -> list[Case]:
    """All sentences, each with an id that names pack, kind and sentence."""
    cases: list[Case] = []
    for path in sorted(GOLDEN.glob("*.toml")):
        for group in tomllib.loads(path.read_text())["group"]:
            cases.extend(_cases(group))
    return cases


def _cases(group: dict[str, Any]) -> list[Case]:
    where = {
        "kind": group["kind"],
        "pack": group["pack"],
        "world": GOLDEN / "worlds" / f"{group['world']}.toml" if "world" in group else None,
        "area": group.get("area"),
        "speaker": group.get("speaker"),
        "needs_yes": group.get("needs_yes"),
    }

    def case(text: str, **holds: Any) -> Case:
        return Case(id=f"{group['pack']}/{group['kind']}: {ascii(text)[1:-1][:90]}", text=text, **where, **holds)

    cases = [case(text, exact=tuple(actions)) for text, *actions in group.get("exact", ())]
    reason, candidates = group.get("reason"), group.get("candidates", 0)
    cases += [case(text, refuse=True, reason=reason, candidates=candidates) for text in group.get("refuse", ())]
    cases += [case(text, stop=True) for text in group.get("stop", ())]
    error, never = group.get("error"), tuple(group.get("never", ()))
    cases += [case(text, error=error, never=never) for text in group.get("sentences", ())]
    return cases
