"""What a measurement found: one frozen value, as an object for programs and as rows for people."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from edge_agent.evaluation.failures import Kind
from edge_agent.evaluation.risk import Risk, Wager
from edge_agent.messages import JsonAction


@dataclass(frozen=True, slots=True)
class ActionRow:
    """One action's share of the report; a ratio is None where there was nothing to divide by."""

    name: str
    expected: int
    predicted: int
    name_recall: float | None
    precision: float | None
    recall: float | None


@dataclass(frozen=True, slots=True)
class Mistake:
    """One example that was not exactly right."""

    id: str
    text: str
    expected: tuple[JsonAction, ...]
    actions: tuple[JsonAction, ...]
    error: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Listening:
    """What listening to the examples in sound took, and what it refused."""

    files: int
    audio_s: float
    real_time_factor: float
    """Seconds of work a second of sound."""
    final_p50_ms: float
    final_p95_ms: float
    """From the last sample to the words, or to the refusal."""
    unheard: dict[str, int]
    """Refusals of the ear and the recogniser, by code."""


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of one file. Ratios run from 0 to 1 and are None where there was nothing to divide by."""

    examples: int
    skipped: dict[str, int]
    """Examples that were not run, by why; they are in no other figure."""
    errors: dict[str, int]
    """Examples that ended in an error, by its code; they count as wrong."""
    missing_predictions: int
    empty_predictions: int
    unknown_prediction_ids: int
    exact_match: float | None
    exact_match_commands: float | None
    action_name_match: float | None
    slot_precision: float | None
    slot_recall: float | None
    slot_f1: float
    expected_reject: int
    unsafe_accept_rate: float | None
    reject_recall_any_reason: float | None
    wrong_executed_rate: float | None
    """Of all examples: something was carried out, and it was not right."""
    expected_command: int
    false_reject_rate: float | None
    latencies: int
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    per_action: tuple[ActionRow, ...]
    failures: dict[Kind, int]
    """Examples that were not right, by kind."""
    risk: tuple[Risk, ...]
    wagers: tuple[Wager, ...]
    """Every answer with actions, sure enough or not."""
    mistakes: tuple[Mistake, ...]
    listening: Listening | None = None
    """None where nothing was in sound."""

    def as_json(self) -> dict[str, Any]:
        """The figures for programs, without the mistakes."""
        plain = {
            name: getattr(self, name)
            for name in self.__slots__
            if name
            not in (
                "latencies",
                "latency_p50_ms",
                "latency_p95_ms",
                "per_action",
                "risk",
                "wagers",
                "mistakes",
                "listening",
            )
        }
        latency = {"n": self.latencies, "p50": self.latency_p50_ms, "p95": self.latency_p95_ms}
        return plain | {
            "latency_ms": latency,
            "risk": [asdict(risk) for risk in self.risk],
            "per_action": {row.name: _row_json(row) for row in self.per_action},
            **({"listening": asdict(self.listening)} if self.listening else {}),
        }

    def lines(self) -> list[tuple[str, str]]:
        """The figures for people: what, how much."""
        return [
            ("exact match", percent(self.exact_match)),
            ("exact match, commands only", percent(self.exact_match_commands)),
            ("action names match", percent(self.action_name_match)),
            ("slot precision", percent(self.slot_precision)),
            ("slot recall", percent(self.slot_recall)),
            ("slot F1", percent(self.slot_f1)),
            (f"unsafe accept (of {self.expected_reject} rejects)", percent(self.unsafe_accept_rate)),
            ("reject recall, any reason", percent(self.reject_recall_any_reason)),
            ("wrong actions carried out", percent(self.wrong_executed_rate)),
            (f"false reject (of {self.expected_command} commands)", percent(self.false_reject_rate)),
            (f"latency p50 (n={self.latencies})", _milliseconds(self.latency_p50_ms)),
            ("latency p95", _milliseconds(self.latency_p95_ms)),
            *self._listening_lines(),
        ]

    def _listening_lines(self) -> list[tuple[str, str]]:
        if self.listening is None:
            return []
        heard = self.listening
        return [
            (f"transcription p50 (n={heard.files})", _milliseconds(heard.final_p50_ms)),
            ("transcription p95", _milliseconds(heard.final_p95_ms)),
            (f"real-time factor (of {heard.audio_s / 60:.1f} min)", f"{heard.real_time_factor:.2f}"),
            *((f"refused with {code}", str(count)) for code, count in heard.unheard.items()),
        ]


def percent(value: float | None) -> str:
    """A ratio as people read it."""
    return "-" if value is None else f"{100 * value:.1f} %"


def _milliseconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} ms"


def _row_json(row: ActionRow) -> dict[str, Any]:
    return {
        "expected": row.expected,
        "predicted": row.predicted,
        "name_recall": row.name_recall,
        "precision": row.precision,
        "recall": row.recall,
    }
