"""`eval`: run files of examples through the interpreter and score the answers."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from edge_agent.cli.answers import compact
from edge_agent.cli.exit_codes import Exit
from edge_agent.cli.local import add_model_arguments, engine_of, model_settings
from edge_agent.cli.screen import Screen
from edge_agent.clock import SystemClock
from edge_agent.errors import Code, ConfigurationFault
from edge_agent.evaluation.examples import Example, read_examples
from edge_agent.evaluation.markdown import page
from edge_agent.evaluation.predicting import Predictor, prediction_json, runnable
from edge_agent.evaluation.prediction import Prediction
from edge_agent.evaluation.report import Report, percent
from edge_agent.evaluation.scoring import score
from edge_agent.packs.registry import SHIPPED, load_pack

EXAMPLE = "edge-agent eval examples.jsonl --predictions predictions.jsonl --errors 10"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `eval` takes."""
    parser.add_argument(
        "files", type=Path, nargs="+", metavar="FILE.jsonl", help="one example a line, each with its world"
    )
    parser.add_argument("--predictions", type=Path, metavar="OUT.jsonl", help="also write what was answered (one FILE)")
    parser.add_argument("--pack", action="append", default=[], metavar="FILE", help="a pack of your own, too")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N examples of a file")
    parser.add_argument("--errors", type=int, default=0, metavar="N", help="also show the first N mistakes")
    parser.add_argument(
        "--ttl-ms", type=int, default=60_000, metavar="MS", help="time for one answer (default: a minute)"
    )
    parser.add_argument("--ignore-slots", default="", metavar="A,B", help="slots that are not compared")
    parser.add_argument("--ignore-reason", action="store_true", help="any reject reason is right")
    parser.add_argument("--markdown", action="store_true", help="tables of all files together, for a page")
    add_model_arguments(parser)


def run(options: argparse.Namespace, screen: Screen) -> Exit:
    """Predict, score, show. The exit code says whether it ran, not how well."""
    if options.predictions is not None and len(options.files) > 1:
        raise ConfigurationFault(Code.EVAL_INVALID, "--predictions takes one file of examples")
    packs = {pack.name: pack for pack in (load_pack(name) for name in (*SHIPPED, *options.pack))}
    sets = {path: runnable(read_examples(path), packs) for path in options.files}
    needed = {example.pack: packs[example.pack] for examples, _ in sets.values() for example in examples}
    reports: dict[str, Report] = {}
    with engine_of(model_settings(options), tuple(needed.values())) as decider:
        predictor = Predictor(needed, decider, SystemClock(), ttl_ms=options.ttl_ms)
        for path, (found, skipped) in sets.items():
            examples = found[: options.limit]
            predictions = _predict(predictor, screen, path.name, examples)
            if options.predictions is not None:
                _write(options.predictions, predictions)
            report = score(
                examples,
                {prediction.id: prediction for prediction in predictions},
                ignored_slots=frozenset(filter(None, options.ignore_slots.split(","))),
                ignore_reason=options.ignore_reason,
                skipped=skipped,
            )
            reports[path.stem] = report
            if not options.markdown:
                _show(screen, path, report, options.errors)
    if options.markdown:
        screen.raw(page(reports))
    return Exit.OK


def _predict(predictor: Predictor, screen: Screen, name: str, examples: Sequence[Example]) -> list[Prediction]:
    predictions = []
    with screen.progress(name, len(examples)) as step:
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
    if report.failures:
        screen.line("")
        kinds = sorted(report.failures.items(), key=lambda pair: -pair[1])
        screen.table(
            ("what went wrong", "times"), [(kind.value, str(count)) for kind, count in kinds], right=frozenset({1})
        )
    for mistake in report.mistakes[:mistakes]:
        screen.line("")
        screen.line((mistake.id, "bold"), f"  {mistake.text}", (f"  {mistake.kind}", "dim"))
        screen.line(("  expected  ", "dim"), compact(mistake.expected))
        screen.line(("  answered  ", "dim"), compact(mistake.actions), (f"  {mistake.error}", "red"))


def _mistakes_json(report: Report, count: int) -> dict[str, object]:
    return {"mistakes": [asdict(one) for one in report.mistakes[:count]]} if count else {}
