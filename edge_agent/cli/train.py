"""`train`: teach the bundled model a pack of your own, here and now, and say how well it learnt it."""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_agent.cli.answers import compact
from edge_agent.cli.exit_codes import Exit
from edge_agent.cli.local import engine_of
from edge_agent.cli.screen import Screen
from edge_agent.clock import SystemClock
from edge_agent.errors import Code, ConfigurationFault
from edge_agent.evaluation.examples import Example, read_examples
from edge_agent.evaluation.predicting import Predictor, runnable
from edge_agent.evaluation.report import Report, percent
from edge_agent.evaluation.scoring import score
from edge_agent.language.models import bundled_model, bundled_sha256
from edge_agent.packs.base import Pack
from edge_agent.settings import ModelSettings

if TYPE_CHECKING:
    from edge_agent.training.finetune import Listener, Moment, Teacher
    from edge_agent.training.own import Own, Scores, Share

EXAMPLE = "edge-agent train --pack greenhouse.json --check held.jsonl --out greenhouse.gguf"

MINUTES, MINUTES_MAX = 15.0, 24 * 60.0
MISTAKES_SHOWN = 10
NEEDED = "this needs PyTorch and three more libraries: pip install 'edge-agent[training]'"
SHIPPED_MODEL = "shipped"
CHECK_FILE = "held.jsonl"
TTL_MS = 60_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `train` takes."""
    parser.add_argument(
        "--pack", required=True, metavar="FILE", help="a pack of your own (.json, .py, module:PACK), or a shipped one"
    )
    parser.add_argument(
        "--phrases", type=Path, nargs="+", default=[], metavar="FILE", help="phrase files, beside those the pack names"
    )
    parser.add_argument(
        "--world",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="worlds whose names show what things are called",
    )
    parser.add_argument(
        "--minutes", type=_minutes, default=MINUTES, metavar="N", help=f"training time (default: {MINUTES:g})"
    )
    parser.add_argument("--steps", type=_count, metavar="N", help="so many steps instead, to repeat a run exactly")
    parser.add_argument("--out", type=Path, metavar="FILE.gguf", help="the model to write (default: PACK.gguf)")
    parser.add_argument(
        "--model",
        default=SHIPPED_MODEL,
        metavar="FILE",
        help="the model to begin with (default: shipped, the bundled one)",
    )
    parser.add_argument(
        "--check", type=Path, metavar="FILE.jsonl", help=f"sentences to score (default: {CHECK_FILE} beside the pack)"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the sentences' order (default: 1)")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="CPU threads of the training (default: 1)")
    parser.add_argument(
        "--measure",
        type=_count,
        default=300,
        metavar="N",
        help="generated sentences of each sort to score (default: 300)",
    )
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint that a broken-off run left")


def run(options: argparse.Namespace, screen: Screen) -> Exit:
    """Read, teach, save, measure. Ctrl-C ends the teaching early; what is there is saved and measured."""
    began = time.monotonic()
    own = _own_room().prepare(
        options.pack, tuple(options.phrases), tuple(options.world), seed=options.seed, measured=options.measure
    )
    checked = _checked(options, own.pack)
    base = bundled_model() if options.model == SHIPPED_MODEL else Path(options.model)
    out: Path = options.out or Path(f"{own.pack.name}.gguf")
    _refuse_overwriting(base, out)
    teacher = own.teacher(
        base, bundled_sha256(base), minutes=options.minutes, steps=options.steps, threads=options.threads
    )
    checkpoint = out.with_suffix(".checkpoint")
    if options.resume:
        _resume(teacher, checkpoint)
    unseen_yet = teacher.keeps_back
    _say_plan(screen, own, base)
    before, unseen = own.scores(base), own.held_back_score(base)
    ended = _taught(screen, lambda listen: teacher.teach(listen, checkpoint))
    teacher.save(out, own.title(base))
    held_back = unseen, own.held_back_score(out) if unseen_yet else (0, 0)
    if ended:
        ended = _taught(screen, lambda listen: teacher.finish(listen, checkpoint))
        teacher.save(out, own.title(base))
    if not ended:
        teacher.keep(checkpoint)
    after = own.scores(out)
    report = _report(out, own.pack, checked) if checked else None
    _show(screen, own, out, _Outcome(before, after, held_back, report, teacher.moment, time.monotonic() - began))
    if not ended:
        screen.note(("broken off: the model is saved as it was; ", "yellow"), "go on with --resume")
        return Exit.INTERRUPTED
    checkpoint.unlink(missing_ok=True)
    return Exit.OK


def _own_room() -> Any:
    """The training room for a user's pack; it needs libraries that the node does not.

    Raises:
        ConfigurationFault: TRAINING_MISSING.
    """
    try:
        return import_module("edge_agent.training.own")
    except ModuleNotFoundError as problem:
        if (problem.name or "").startswith("edge_agent"):
            raise
        raise ConfigurationFault(Code.TRAINING_MISSING, NEEDED, where=problem.name or "") from problem


def _count(text: str) -> int:
    count = int(text)
    if count < 2:
        raise argparse.ArgumentTypeError("is at least 2")
    return count


def _minutes(text: str) -> float:
    minutes = float(text)
    if not 0 < minutes <= MINUTES_MAX:
        raise argparse.ArgumentTypeError(f"is above 0 and at most {MINUTES_MAX:g}")
    return minutes


def _checked(options: argparse.Namespace, pack: Pack) -> tuple[Example, ...]:
    """The sentences to score at the end: those named, or the file that lies beside the pack; none where none does.

    Raises:
        ConfigurationFault: EVAL_INVALID; also when no sentence is of this pack.
    """
    beside = Path(options.pack).with_name(CHECK_FILE)
    if options.check is None and not beside.is_file():
        return ()
    path = options.check or beside
    examples, _ = runnable(read_examples(path), {pack.name: pack})
    if not examples:
        raise ConfigurationFault(Code.EVAL_INVALID, f"has no sentence of the pack {pack.name}", where=str(path))
    return tuple(examples)


def _refuse_overwriting(base: Path, out: Path) -> None:
    if out.exists() and out.resolve() == base.resolve():
        raise ConfigurationFault(
            Code.SETTINGS_INVALID, "is the model to begin with; name another --out", where=str(out)
        )
    if not out.absolute().parent.is_dir():
        raise ConfigurationFault(Code.SETTINGS_INVALID, "its folder does not exist", where=str(out))


def _say_plan(screen: Screen, own: Own, base: Path) -> None:
    held_back, lines = own.held_back
    screen.line(
        (own.pack.name, "bold"), f"  {len(own.pack.actions)} actions, {lines} lines of phrases, taught to {base.name}"
    )
    if held_back:
        screen.line((f"  {held_back} lines are held back at first, to measure on phrasing it never saw", "dim"))
    else:
        screen.line(("  too few lines to hold any back: only sentences of trained phrasing are measured", "yellow"))
    screen.note(("  measuring what the model answers now …", "dim"))


def _resume(teacher: Teacher, checkpoint: Path) -> None:
    if not checkpoint.is_file():
        raise ConfigurationFault(Code.MODEL_MISSING, "there is no checkpoint to go on from", where=str(checkpoint))
    teacher.resume(checkpoint)


def _taught(screen: Screen, lesson: Callable[[Listener], None]) -> bool:
    """Whether a stretch of the course came to its end; Ctrl-C breaks it off."""
    try:
        with screen.meter("training") as meter:
            lesson(lambda moment: meter(moment.done, _words(moment)))
    except KeyboardInterrupt:
        return False
    return True


def _words(moment: Moment) -> str:
    loss = "" if moment.loss is None else f"loss {moment.loss:.3f}  "
    minutes, seconds = divmod(round(moment.left_s), 60)
    return f"{loss}{moment.tokens_per_s:.0f} tokens/s  {minutes}:{seconds:02} left"


def _report(model: Path, pack: Pack, examples: tuple[Example, ...]) -> Report:
    """The sentences' score with the new model, as `eval` scores."""
    with engine_of(ModelSettings(path=model), [pack]) as decider:
        predictor = Predictor({pack.name: pack}, decider, SystemClock(), ttl_ms=TTL_MS)
        predictions = [predictor.predict(example) for example in examples]
    return score(examples, {prediction.id: prediction for prediction in predictions})


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a run of the verb came to."""

    before: Scores
    after: Scores
    held_back: tuple[Share, Share]
    """Before, and when those lines were still held back."""
    report: Report | None
    last: Moment
    took_s: float


def _show(screen: Screen, own: Own, out: Path, outcome: _Outcome) -> None:
    before, after, report, last = outcome.before, outcome.after, outcome.report, outcome.last
    rows = [
        ("phrasing that was trained on", _share(before.seen), _share(after.seen)),
        ("phrasing that was held back", *map(_share, outcome.held_back)),
        ("the shipped packs' sentences", _share(before.shipped), _share(after.shipped)),
    ]
    screen.line("")
    screen.table(("answered right, generated sentences", "before", "after"), rows, right=frozenset({1, 2}))
    if report is not None:
        screen.line("")
        screen.line(f"{report.examples} sentences to check  ", (f"exact match {percent(report.exact_match)}", "bold"))
        for mistake in report.mistakes[:MISTAKES_SHOWN]:
            screen.line(("  wrong  ", "red"), mistake.text, ("  answered  ", "dim"), compact(mistake.actions))
    cpu_s = sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    screen.line("")
    screen.line(
        (str(out), "bold"),
        f"  {last.step} steps; {outcome.took_s / 60:.1f} minutes, {cpu_s / 60:.1f} of CPU time",
    )
    screen.line((f"  edge-agent interpret TEXT --pack {own.place.name} --model {out}", "dim"))
    screen.record(
        {
            "model": str(out),
            "pack": own.pack.name,
            "steps": last.step,
            "loss": last.loss,
            "held_back_lines": own.held_back[0],
            "lines": own.held_back[1],
            "before": asdict(before),
            "after": asdict(after),
            "held_back": {"before": outcome.held_back[0], "after": outcome.held_back[1]},
            "check": report.as_json() if report else None,
            "wall_s": round(outcome.took_s, 1),
            "cpu_s": round(cpu_s, 1),
        }
    )


def _share(right: Share) -> str:
    return f"{100 * right[0] / right[1]:.1f} %" if right[1] else "-"
