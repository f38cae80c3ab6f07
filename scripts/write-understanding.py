"""Measures a model and writes what was found: docs/understanding.md, its chart, and the model card's table of sets.

python scripts/write-understanding.py FOLDER scores every *.jsonl set of the folder (see `edge-agent eval`) and
generated sentences. The page above the marker is written by hand and stays. The sets are other people's sentences: they
are read here, and nothing but counts of them is kept.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_agent.clock import SystemClock
from edge_agent.evaluation.chart import risk_chart
from edge_agent.evaluation.examples import read_examples
from edge_agent.evaluation.markdown import failures_table, risk_table, sets_table, share, table
from edge_agent.evaluation.predicting import Predictor, runnable
from edge_agent.evaluation.report import Report
from edge_agent.evaluation.risk import Wager, at_threshold, curve, least_threshold
from edge_agent.evaluation.scoring import score
from edge_agent.language.calibration import calibration_error, reliability
from edge_agent.language.models import bundled_model, bundled_sha256
from edge_agent.language.options import EngineOptions
from edge_agent.language.process import EngineProcess
from edge_agent.packs.registry import SHIPPED, load_pack
from edge_agent.training.calibrate import sample
from edge_agent.training.judging import Judged, judge

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "understanding.md"
CHART = ROOT / "docs" / "risk-coverage.svg"
CARD = ROOT / "models" / "README.md"
MARKER = "<!-- Everything below is written by `make eval`. -->"
CARD_TITLE, CARD_LIMITS = "## Sentences that nobody here wrote", "## Limits"
TTL_MS = 60_000
REFUSING = '[{"action":"reject"'
WRONG_SHARES = (0.04, 0.02, 0.01)
CARD_INTRODUCTION = """\
Public test sets, each example with its own world; nothing of them was trained on. *Exact*: the whole list of actions is
right, or the reject and its reason. *Unsafe*: of what must be refused, how much would have been carried out. *Refused*:
of the commands, how many were refused. Milliseconds are of the machine that measured, with whatever else it did, from
sentence to checked action. [docs/understanding.md](../docs/understanding.md) has kinds of failure and confidence."""


@dataclass(frozen=True, slots=True)
class Generated:
    """Answers to generated sentences: of templates that were trained on, and of those that were held back."""

    taught: list[Judged]
    held_back: list[Judged]

    def by_name(self) -> dict[str, list[Judged]]:
        """Every pack with either sort of templates, by the name of its line."""
        sorts = {"taught": self.taught, "held back": self.held_back}
        return {
            f"{pack}, {sort}": [one for one in judged if one.example.pack == pack]
            for sort, judged in sorts.items()
            for pack in SHIPPED
        }


def main() -> int:
    """Measure, then write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", type=Path, metavar="FOLDER", help="where the *.jsonl sets lie")
    parser.add_argument("--sentences", type=int, default=1_500, metavar="N", help="generated sentences of each sort")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="CPU threads of the model")
    options = parser.parse_args()
    model = bundled_model()
    reports = measured(model, sorted(options.sets.glob("*.jsonl")), options.threads)
    if not reports:
        raise SystemExit(f"no set of {', '.join(SHIPPED)} in {options.sets}")
    generated = Generated(
        judge(model, sample("understanding/taught", options.sentences, held_back=False)),
        judge(model, sample("understanding/held back", options.sentences, held_back=True)),
    )
    by_hand = PAGE.read_text(encoding="utf-8").partition(MARKER)[0] if PAGE.exists() else "# Understanding\n\n"
    PAGE.write_text(by_hand + MARKER + "\n\n" + page(model, reports, generated, options.threads), encoding="utf-8")
    CHART.write_text(risk_chart(chart_lines(reports, generated)), encoding="utf-8")
    write_card(reports)
    sys.stdout.write(sets_table(reports) + "\n")
    return 0


def measured(model: Path, files: Sequence[Path], threads: int) -> dict[str, Report]:
    """A report for every set that text and a shipped pack can answer."""
    packs = {name: load_pack(name) for name in SHIPPED}
    reports = {}
    options = EngineOptions(model, n_threads=threads, sha256=bundled_sha256(model), n_gpu_layers=0)
    with EngineProcess(options, tuple(packs.values())) as engine:
        predictor = Predictor(packs, engine, SystemClock(), ttl_ms=TTL_MS)
        for path in files:
            examples, skipped = runnable(read_examples(path), packs)
            if examples:
                predictions = {example.id: predictor.predict(example) for example in examples}
                reports[path.stem] = score(examples, predictions, skipped=skipped)
    return reports


def page(model: Path, reports: Mapping[str, Report], generated: Generated, threads: int) -> str:
    """The written part of the page."""
    curves = {name: report.risk for name, report in reports.items() if report.risk and report.expected_command}
    judged = [*generated.taught, *generated.held_back]
    return "\n\n".join(
        [
            "## Sentences that nobody here wrote",
            f"`{model.name}`, {model.stat().st_size / 1e6:.1f} MB, {threads} thread(s).",
            sets_table(reports),
            "## What went wrong, and how often",
            failures_table(reports),
            "## Generated sentences",
            generated_table(generated),
            "## What confidence is worth",
            f"All packs, {len(judged)} generated sentences, half of them of templates that were held back, in ten "
            "parts from the least sure on. Expected calibration error: "
            f"{share(calibration_error([(one.confidence, one.right) for one in judged]))} % "
            f"({share(calibration_error([(one.probability, one.right) for one in judged]))} % before calibrating). "
            + on_sets(reports),
            reliability_table(judged),
            "## What refusing the doubtful buys",
            "![risk and coverage](risk-coverage.svg)",
            "Wrong among those carried out, in percent, and how sure the least sure of them was, when only the surest "
            "answers with actions are carried out.",
            risk_table(curves | {name: curve(wagers(one)) for name, one in generated.by_name().items()}),
            "The packs' own thresholds, and the lowest ones that keep the wrong answers within a share, on generated "
            "sentences:",
            thresholds_table(generated),
            "",
        ]
    )


def on_sets(reports: Mapping[str, Report]) -> str:
    """The calibration error of answers with actions on each set of commands."""
    found = [
        f"{name} {share(calibration_error([(one.confidence, one.right) for one in report.wagers]))} %"
        for name, report in reports.items()
        if report.expected_command and len(report.wagers) >= 50
    ]
    return f"Of answers with actions on the sets above: {', '.join(found)}." if found else ""


def generated_table(generated: Generated) -> str:
    """How many are right, pack by pack, and what happened to the others."""
    rows = []
    for name, judged in generated.by_name().items():
        counts = [
            sum(one.right for one in judged),
            sum(not refusing(one.answer) and refusing(one.example.answer) for one in judged),
            sum(refusing(one.answer) and not refusing(one.example.answer) for one in judged),
            sum(not one.right and refusing(one.answer) == refusing(one.example.answer) for one in judged),
        ]
        rows.append([name, str(len(judged)), *(share(count / max(1, len(judged))) for count in counts)])
    columns = ("sentences", "number", "exact %", "answered, must be refused %", "refused %", "otherwise wrong %")
    return table(columns, rows)


def refusing(answer: str) -> bool:
    """Whether a model's answer is a reject."""
    return answer.startswith(REFUSING)


def reliability_table(judged: Sequence[Judged]) -> str:
    """Confidence against the share that is right."""
    bins = reliability([(one.confidence, one.right) for one in judged])
    rows = [[share(one.confidence), share(one.right), str(one.count)] for one in bins]
    return table(("confidence %", "right %", "answers"), rows)


def wagers(judged: Sequence[Judged]) -> list[Wager]:
    """The answers with actions."""
    return [Wager(one.confidence, one.right) for one in judged if not refusing(one.answer)]


def thresholds_table(generated: Generated) -> str:
    """For each pack: what its threshold carries out, and the thresholds for less risk."""
    columns = (
        "sentences",
        "threshold",
        "carried out %",
        "wrong of them %",
        *(f"for {100 * most:.0f} % wrong" for most in WRONG_SHARES),
    )
    rows = []
    for name, judged in generated.by_name().items():
        least = load_pack(name.partition(",")[0]).confidence_min
        bets = wagers(judged)
        now = at_threshold(bets, least)
        cells = [share(now.coverage), share(now.wrong_share)] if now else ["0", "-"]
        others = (least_threshold(bets, most) for most in WRONG_SHARES)
        cells += [f"{one.confidence_min:.2f} ({share(one.coverage)} %)" if one else "none" for one in others]
        rows.append([name, f"{least:.2f}", *cells])
    return table(columns, rows)


def chart_lines(reports: Mapping[str, Report], generated: Generated) -> dict[str, Sequence[Wager]]:
    """What the chart shows: sets of commands, and generated sentences of both sorts."""
    lines: dict[str, Sequence[Wager]] = {
        name: report.wagers for name, report in reports.items() if report.expected_command
    }
    return lines | {"generated, taught": wagers(generated.taught), "generated, held back": wagers(generated.held_back)}


def write_card(reports: Mapping[str, Report]) -> None:
    """The model card's section about the sets: replaced where it stands, or put before the limits."""
    section = "\n".join([CARD_TITLE, CARD_INTRODUCTION, "", sets_table(reports), "", "Written by `make eval`.", ""])
    card = CARD.read_text(encoding="utf-8")
    head, found, rest = card.partition(CARD_TITLE)
    if found:
        rest = "\n## ".join(["", *rest.split("\n## ")[1:]])
    else:
        head, limits, text = card.partition(CARD_LIMITS)
        rest = "\n" + limits + text
    CARD.write_text(head + section + rest, encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
