"""`eval`: run a file of examples through the interpreter and score the answers."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from edge_agent.cli.answers import compact
from edge_agent.cli.exit_codes import Exit
from edge_agent.cli.local import add_model_arguments, engine_of, model_settings
from edge_agent.cli.screen import Screen
from edge_agent.clock import SystemClock
from edge_agent.errors import Code, ConfigurationFault
from edge_agent.evaluation.examples import Example, read_examples
from edge_agent.evaluation.predicting import Predictor, prediction_json, runnable
from edge_agent.evaluation.report import Report, percent
from edge_agent.evaluation.scoring import Prediction, score
from edge_agent.packs.base import Pack
from edge_agent.packs.registry import SHIPPED, load_pack

EXAMPLE = "edge-agent eval examples.jsonl --predictions predictions.jsonl --errors 10"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `eval` takes."""
    parser.add_argument("file", type=Path, metavar="FILE.jsonl", help="one example a line, each with its world")
    parser.add_argument("--predictions", type=Path, metavar="OUT.jsonl", help="also write what was answered")
    parser.add_argument("--pack", action="append", default=[], metavar="FILE", help="a pack of your own, too")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N examples")
    parser.add_argument("--errors", type=int, default=0, metavar="N", help="also show the first N mistakes")
    parser.add_argument(
        "--ttl-ms", type=int, default=60_000, metavar="MS", help="time for one answer (default: a minute)"
    )
    parser.add_argument("--ignore-slots", default="", metavar="A,B", help="slots that are not compared")
    parser.add_argument("--ignore-reason", action="store_true", help="any reject reason is right")
    add_model_arguments(parser)


def run(options: argparse.Namespace, screen: Screen) -> Exit:
    """Predict, score, show. The exit code says whether it ran, not how well."""
    examples, skipped = runnable(read_examples(options.file), packs := _packs(options.pack))
    examples = examples[: options.limit]
    predictions = _predict(options, screen, examples, packs) if examples else []
    if options.predictions is not None:
        _write(options.predictions, predictions)
    report = score(
        examples,
        {prediction.id: prediction for prediction in predictions},
        ignored_slots=frozenset(filter(None, options.ignore_slots.split(","))),
        ignore_reason=options.ignore_reason,
        skipped=skipped,
    )
    _show(screen, options.file, report, options.errors)
    return Exit.OK


def _packs(files: Sequence[str]) -> dict[str, Pack]:
    return {pack.name: pack for pack in (load_pack(name) for name in (*SHIPPED, *files))}


def _predict(
    options: argparse.Namespace, screen: Screen, examples: Sequence[Example], packs: dict[str, Pack]
) -> list[Prediction]:
    needed = {example.pack: packs[example.pack] for example in examples}
    predictions = []
    with (
        engine_of(model_settings(options), tuple(needed.values())) as decider,
        screen.progress(options.file.name, len(examples)) as step,
    ):
        predictor = Predictor(needed, decider, SystemClock(), ttl_ms=options.ttl_ms)
        for example in examples:
            predictions.append(predictor.predict(example))
            step()
    return predictions


def _write(path: Path, predictions: Sequence[Prediction]) -> None:
    lines = [json.dumps(prediction_json(prediction), ensure_ascii=False) + "\n" for prediction in predictions]
    try:
        path.write_text("".join(lines), encoding="utf-8")
    except OSError as problem:
        raise ConfigurationFault(Code.EVAL_INVALID, f"cannot be written: {problem}", where=str(path)) from problem


def _show(screen: Screen, path: Path, report: Report, mistakes: int) -> None:
    screen.record({"file": path.name} | report.as_json() | _mistakes_json(report, mistakes))
    aside = ", ".join(f"{count} {why}" for why, count in report.skipped.items())
    screen.line(
        (path.name, "bold"), f"  {report.examples} examples", (f"  skipped: {aside}" if aside else "", "yellow")
    )
    for code, count in report.errors.items():
        screen.line((f"{count} ended in {code}", "red"))
    for what, figure in report.lines():
        screen.line(f"  {what:38}", (f"{figure:>10}", "bold"))
    rows = [
        (
            row.name,
            str(row.expected),
            str(row.predicted),
            percent(row.name_recall),
            percent(row.precision),
            percent(row.recall),
        )
        for row in report.per_action
    ]
    screen.line("")
    screen.table(
        ("action", "expected", "predicted", "name recall", "precision", "recall"), rows, right=frozenset(range(1, 6))
    )
    for mistake in report.mistakes[:mistakes]:
        screen.line("")
        screen.line((mistake.id, "bold"), f"  {mistake.text}")
        screen.line(("  expected  ", "dim"), compact(mistake.expected))
        screen.line(("  answered  ", "dim"), compact(mistake.actions), (f"  {mistake.error}", "red"))


def _mistakes_json(report: Report, count: int) -> dict[str, object]:
    if not count:
        return {}
    return {
        "mistakes": [
            {"id": one.id, "text": one.text, "expected": one.expected, "actions": one.actions, "error": one.error}
            for one in report.mistakes[:count]
        ]
    }
