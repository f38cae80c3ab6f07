"""An engine that keeps its prompts on the disk, under test: one start after another in the same folder."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine_models import BRING

from edge_agent.clock import SystemClock
from edge_agent.grammar.sentence import SentenceGrammars
from edge_agent.language.decision import DecideRequest
from edge_agent.language.instruction import pack_prompt
from edge_agent.language.local import LocalEngine
from edge_agent.language.options import EngineOptions
from edge_agent.packs.registry import load_pack

CLOCK = SystemClock()
PACKS = {name: load_pack(name) for name in ("robot", "kiosk")}
GRAMMARS = {name: SentenceGrammars(pack).for_sentence(BRING) for name, pack in PACKS.items()}


@dataclass(frozen=True)
class Started:
    """What one start of an engine found, and its answers with their exact probabilities."""

    facts: dict[str, Any]
    answers: list[tuple[str, float]]

    @property
    def counts(self) -> tuple[int, int]:
        """Prompts loaded and computed."""
        return self.facts["prompts_loaded"], self.facts["prompts_computed"]

    @property
    def set_aside(self) -> list[str]:
        found: list[str] = self.facts.get("prompts_set_aside", [])
        return found


def start(options: EngineOptions, *packs: str) -> Started:
    """Start an engine, have every pack's prompt in it, decide a sentence of each, and end it."""
    names = packs or ("robot",)
    with closing(LocalEngine(options, CLOCK)) as engine:
        facts = engine.prepare({name: pack_prompt(PACKS[name], engine.style) for name in names})
        asked = [DecideRequest(name, BRING.marked, GRAMMARS[name], CLOCK.now_ms() + 60_000) for name in sorted(names)]
        decided = [engine.decide(request) for request in asked]
    return Started(facts, [(one.answer, one.probability) for one in decided])


def folder_of(options: EngineOptions) -> Path:
    assert options.cache_dir is not None
    return options.cache_dir


def only_prompt(options: EngineOptions) -> Path:
    [found] = folder_of(options).glob("*.prompt")
    return found


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
