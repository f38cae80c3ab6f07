"""What of a run is done: every portion with its result, in one JSON file, written whole after each."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faults.campaign import Campaign, Result


@dataclass(frozen=True, slots=True)
class Portion:
    """What one process runs."""

    campaign: Campaign
    seed: int
    cases: int

    @property
    def key(self) -> str:
        return f"{self.campaign.name} seed {self.seed} cases {self.cases}"


def portions(campaign: Campaign, seed: int, scale: float) -> list[Portion]:
    """A campaign cut up; the seeds follow one another."""
    left, found = max(1, round(campaign.cases * scale)), []
    while left > 0:
        found.append(Portion(campaign, seed + len(found), min(left, campaign.portion)))
        left -= campaign.portion
    return found


class State:
    """The file. Several threads may add to it."""

    def __init__(self, path: Path, *, resume: bool) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._done: dict[str, dict[str, Any]] = {}
        if resume and path.exists():
            self._done = json.loads(path.read_text())

    def result_of(self, portion: Portion) -> Result | None:
        """What came of it; None when it has not been run."""
        told = self._done.get(portion.key)
        return Result.from_json(json.dumps(told["result"])) if told else None

    def seconds_of(self, portion: Portion) -> float:
        """How long it took."""
        return float(self._done[portion.key]["took_s"])

    def add(self, portion: Portion, result: Result, took_s: float) -> None:
        """Keep a result; the file is replaced in one step, so that a kill leaves the old or the new one."""
        with self._lock:
            self._done[portion.key] = {"took_s": round(took_s, 1), "result": json.loads(result.to_json())}
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fresh = self._path.with_suffix(".new")
            fresh.write_text(json.dumps(self._done, indent=1))
            fresh.replace(self._path)
