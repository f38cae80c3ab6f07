"""`eval`: run files of examples through the interpreter and score the answers."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from edge_agent.cli.answers import compact
from edge_agent.cli.exit_codes import Exit
from edge_agent.cli.local import add_model_arguments, model_settings
from edge_agent.cli.screen import Screen
from edge_agent.cli.transcribe import add_recogniser_arguments, recogniser_choice
from edge_agent.errors import Code, ConfigurationFault
from edge_agent.evaluation.examples import Example, read_examples
from edge_agent.evaluation.markdown import noise_words, page
from edge_agent.evaluation.noises import MAKERS
from edge_agent.evaluation.predicting import prediction_json, runnable
from edge_agent.evaluation.prediction import Prediction
from edge_agent.evaluation.report import Report, percent
from edge_agent.evaluation.running import Plan, Task, predictions
from edge_agent.evaluation.scoring import score
from edge_agent.node.engines import engine_options
from edge_agent.packs.registry import SHIPPED, load_pack

EXAMPLE = """\
edge-agent eval examples.jsonl --predictions predictions.jsonl --errors 10
edge-agent eval spoken.jsonl --noise clean --noise 24 --noise 12 --noise 6 --jobs 2"""

CLEAN = "clean"


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
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes that share the work (default: 1)")
    add_recogniser_arguments(parser)
    parser.add_argument(
        "--noise",
        action="append",
        default=[],
        metavar="DB",
        help="mix noise under examples in sound, so many dB below the speech, or `clean`; a run for each",
    )
    parser.add_argument("--noise-kind", action="append", default=[], choices=MAKERS, help="only noise of this kind")
    add_model_arguments(parser)


def run(options: argparse.Namespace, screen: Screen) -> Exit:
    """Predict, score, show. The exit code says whether it ran, not how well."""
    levels = [_level(text) for text in options.noise or [CLEAN]]
    if options.predictions is not None and (len(options.files) > 1 or len(levels) > 1):
        raise ConfigurationFault(Code.EVAL_INVALID, "--predictions takes one file of examples, and one level of noise")
    packs = {pack.name: name for name, pack in ((name, load_pack(name)) for name in (*SHIPPED, *options.pack))}
    runs = [_Run(path, level, *found) for path, found in _sets(options, packs).items() for level in levels]
    tasks = [Task(example, run.level) for run in runs for example in run.examples]
    predicted = iter(_predict(_plan(options, packs, tasks), screen, tasks, options.jobs))
    reports: dict[str, Report] = {}
    for run in runs:
        predictions = list(islice(predicted, len(run.examples)))
        if options.predictions is not None:
            _write(options.predictions, predictions)
        report = score(
            run.examples,
            {prediction.id: prediction for prediction in predictions},
            ignored_slots=frozenset(filter(None, options.ignore_slots.split(","))),
            ignore_reason=options.ignore_reason,
            skipped=run.skipped,
        )
        noise = "" if len(levels) == 1 and run.level is None else f", {noise_words(run.level)}"
        reports[run.path.stem + noise] = report
        if not options.markdown:
            _show(screen, run, noise, report, options.errors)
    if options.markdown:
        screen.raw(page(reports))
    return Exit.OK


@dataclass(frozen=True, slots=True)
class _Run:
    """A file at a level of noise."""

    path: Path
    level: float | None
    examples: Sequence[Example]
    skipped: Mapping[str, int]


def _sets(options: argparse.Namespace, packs: Mapping[str, str]) -> dict[Path, tuple[list[Example], dict[str, int]]]:
    found = {path: runnable(read_examples(path), packs, hearing=True) for path in options.files}
    return {path: (examples[: options.limit], skipped) for path, (examples, skipped) in found.items()}


def _level(text: str) -> float | None:
    """Decibels, or None for sound as it was recorded."""
    if text == CLEAN:
        return None
    try:
        level = float(text)
    except ValueError:
        level = math.nan
    if not -40.0 <= level <= 100.0:
        raise ConfigurationFault(Code.EVAL_INVALID, f"{text!r} is no level of noise: give dB, -40 to 100, or {CLEAN}")
    return level


def _plan(options: argparse.Namespace, packs: Mapping[str, str], tasks: Sequence[Task]) -> Plan:
    return Plan(
        packs=tuple(dict.fromkeys(packs[task.example.pack] for task in tasks)),
        engine=engine_options(model_settings(options)),
        ttl_ms=options.ttl_ms,
        recogniser=recogniser_choice(options) if any(task.example.audio for task in tasks) else None,
        noise_kinds=tuple(options.noise_kind),
    )


def _predict(plan: Plan, screen: Screen, tasks: Sequence[Task], jobs: int) -> list[Prediction]:
    found: dict[int, Prediction] = {}
    with screen.progress("examples", len(tasks)) as step:
        for place, prediction in predictions(plan, tasks, jobs):
            found[place] = prediction
            step()
    return [found[place] for place in range(len(tasks))]


def _write(path: Path, predictions: Sequence[Prediction]) -> None:
    lines = [json.dumps(prediction_json(prediction), ensure_ascii=False) + "\n" for prediction in predictions]
    try:
        path.write_text("".join(lines), encoding="utf-8")
    except OSError as problem:
        raise ConfigurationFault(Code.EVAL_INVALID, f"cannot be written: {problem}", where=str(path)) from problem


def _show(screen: Screen, run: _Run, noise: str, report: Report, mistakes: int) -> None:
    level = {} if run.level is None else {"noise_db": run.level}
    screen.record({"file": run.path.name} | level | report.as_json() | _mistakes_json(report, mistakes))
    aside = ", ".join(f"{count} {why}" for why, count in report.skipped.items())
    counted = f"  {report.examples} examples"
    screen.line((run.path.name + noise, "bold"), counted, (f"  skipped: {aside}" if aside else "", "yellow"))
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
