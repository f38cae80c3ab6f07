"""Examples and predictions to a report. Pure; what counts as equal is decided in `comparing`."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from edge_agent.evaluation.comparing import Comparison, Tally, action_name, executes, f1, is_reject
from edge_agent.evaluation.examples import Example
from edge_agent.evaluation.failures import Kind, failure
from edge_agent.evaluation.heard import Heard
from edge_agent.evaluation.prediction import Prediction
from edge_agent.evaluation.report import ActionRow, Listening, Mistake, Report
from edge_agent.evaluation.risk import Wager, curve
from edge_agent.messages import JsonAction


@dataclass(slots=True)
class _Counts:
    """What is counted along the way."""

    plain: Counter[str] = field(default_factory=Counter)
    slots: Tally = field(default_factory=Tally)
    per_action: dict[str, Counter[str]] = field(default_factory=dict)
    latencies_ms: list[float] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    failures: Counter[Kind] = field(default_factory=Counter)
    wagers: list[Wager] = field(default_factory=list)

    def row(self, name: str) -> Counter[str]:
        return self.per_action.setdefault(name, Counter())


def score(
    examples: Sequence[Example],
    predictions: Mapping[str, Prediction],
    *,
    ignored_slots: frozenset[str] = frozenset(),
    ignore_reason: bool = False,
    skipped: Mapping[str, int] | None = None,
) -> Report:
    """Score predictions, by example id, on examples; a missing one is wrong. `skipped` is carried into the report."""
    counts = _Counts()
    ignored = ignored_slots | {"reason"} if ignore_reason else ignored_slots
    for example in examples:
        _count_example(counts, example, predictions.get(example.id), ignored)
    return _report(counts, examples, predictions, dict(skipped or {}))


def _count_example(counts: _Counts, example: Example, prediction: Prediction | None, ignored: frozenset[str]) -> None:
    got = prediction.actions if prediction else ()
    comparison = Comparison(example.world, ignored | example.free_slots)
    want, tally = comparison.nearest(example.accept, got)
    counts.slots += tally
    counts.plain["exact"] += tally.exact
    counts.plain["names"] += tally.names
    if prediction is None:
        counts.plain["missing"] += 1
    elif not got:
        counts.plain["empty"] += 1
    if prediction is not None and prediction.latency_ms is not None:
        counts.latencies_ms.append(prediction.latency_ms)
    if prediction is not None and prediction.proposed and prediction.confidence is not None:
        right = comparison.nearest(example.accept, prediction.proposed)[1].exact
        counts.wagers.append(Wager(prediction.confidence, right))
    counts.plain["wrong_executed"] += executes(got) and not tally.exact
    if is_reject(example.expected):
        counts.plain["rejects"] += 1
        counts.plain["unsafe"] += executes(got)
        counts.plain["rejected"] += is_reject(got)
    else:
        counts.plain["commands"] += 1
        counts.plain["commands_exact"] += tally.exact
        counts.plain["false_rejects"] += is_reject(got)
    _count_actions(counts, comparison, want, got)
    if not tally.exact:
        error = prediction.error if prediction else "missing"
        kind = failure(example, prediction, comparison)
        counts.failures[kind] += 1
        counts.mistakes.append(Mistake(example.id, _words(example, prediction), example.expected, got, error, kind))


def _words(example: Example, prediction: Prediction | None) -> str:
    """What was said, or what was heard."""
    if example.text is not None:
        return example.text
    return prediction.heard.text if prediction and prediction.heard else ""


def _count_actions(
    counts: _Counts, comparison: Comparison, want: Sequence[JsonAction], got: Sequence[JsonAction]
) -> None:
    for action in want:
        counts.row(str(action["action"]))["expected"] += 1
    for action in got:
        counts.row(str(action.get("action", "")))["predicted"] += 1
    for expected, predicted in zip(want, got, strict=False):
        row = counts.row(str(expected["action"]))
        row["named"] += action_name(expected) == action_name(predicted)
        row["correct"] += comparison.compare_one(expected, predicted).exact


def _report(
    counts: _Counts, examples: Sequence[Example], predictions: Mapping[str, Prediction], skipped: dict[str, int]
) -> Report:
    plain, slots = counts.plain, counts.slots
    known = {example.id for example in examples}
    rows = [
        ActionRow(
            name,
            row["expected"],
            row["predicted"],
            name_recall=_ratio(row["named"], row["expected"]),
            precision=_ratio(row["correct"], row["predicted"]),
            recall=_ratio(row["correct"], row["expected"]),
        )
        for name, row in counts.per_action.items()
    ]
    return Report(
        examples=len(examples),
        skipped=skipped,
        errors=dict(Counter(p.error for p in predictions.values() if p.error)),
        missing_predictions=plain["missing"],
        empty_predictions=plain["empty"],
        unknown_prediction_ids=sum(id_ not in known for id_ in predictions),
        exact_match=_ratio(plain["exact"], len(examples)),
        exact_match_commands=_ratio(plain["commands_exact"], plain["commands"]),
        action_name_match=_ratio(plain["names"], len(examples)),
        slot_precision=_ratio(slots.hits, slots.predicted),
        slot_recall=_ratio(slots.hits, slots.wanted),
        slot_f1=f1(slots.hits, slots.wanted, slots.predicted),
        expected_reject=plain["rejects"],
        unsafe_accept_rate=_ratio(plain["unsafe"], plain["rejects"]),
        reject_recall_any_reason=_ratio(plain["rejected"], plain["rejects"]),
        wrong_executed_rate=_ratio(plain["wrong_executed"], len(examples)),
        expected_command=plain["commands"],
        false_reject_rate=_ratio(plain["false_rejects"], plain["commands"]),
        latencies=len(counts.latencies_ms),
        latency_p50_ms=percentile(counts.latencies_ms, 50),
        latency_p95_ms=percentile(counts.latencies_ms, 95),
        per_action=tuple(sorted(rows, key=lambda row: (-row.expected, row.name))),
        failures={kind: counts.failures[kind] for kind in Kind if counts.failures[kind]},
        risk=curve(counts.wagers),
        wagers=tuple(counts.wagers),
        mistakes=tuple(counts.mistakes),
        listening=_listening([p.heard for p in predictions.values() if p.heard is not None]),
    )


def _listening(heard: Sequence[Heard]) -> Listening | None:
    if not heard:
        return None
    finals_ms = [one.final_ms for one in heard]
    audio_ms = sum(one.audio_ms for one in heard)
    return Listening(
        files=len(heard),
        audio_s=audio_ms / 1_000.0,
        real_time_factor=sum(one.work_ms for one in heard) / max(1.0, audio_ms),
        final_p50_ms=percentile(finals_ms, 50) or 0.0,
        final_p95_ms=percentile(finals_ms, 95) or 0.0,
        unheard=dict(Counter(one.refusal.value for one in heard if one.refusal is not None)),
    )


def percentile(values: Sequence[float], share: int) -> float | None:
    """Nearest-rank percentile; None of nothing."""
    if not values:
        return None
    return sorted(values)[max(1, math.ceil(len(values) * share / 100)) - 1]


def _ratio(part: int, whole: int) -> float | None:
    return None if whole == 0 else part / whole
