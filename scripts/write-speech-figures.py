"""Measures what is heard: examples in sound, as they were recorded and with noise, and writes docs/speech.md.

python scripts/write-speech-figures.py FILE.jsonl scores the examples in sound of a set (see `edge-agent eval`) at every
level of noise. The page above the marker is written by hand and stays. The recordings are other people's: they are
listened to here, and nothing but counts of them is kept.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from edge_agent.cli.transcribe import add_recogniser_arguments, recogniser_choice
from edge_agent.evaluation.examples import Example, read_examples
from edge_agent.evaluation.markdown import failures_table, listening_table, noise_words, share, table
from edge_agent.evaluation.noises import MAKERS, Noises
from edge_agent.evaluation.predicting import runnable
from edge_agent.evaluation.prediction import Prediction
from edge_agent.evaluation.report import Report
from edge_agent.evaluation.running import Plan, Task, predictions
from edge_agent.evaluation.scoring import score
from edge_agent.node.engines import bundled_options
from edge_agent.packs.registry import SHIPPED, load_pack

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "speech.md"
MARKER = "<!-- Everything below is written by scripts/write-speech-figures.py. -->"
TTL_MS = 60_000
LEVELS_DB: tuple[float | None, ...] = (None, 24.0, 12.0, 6.0)
PUBLISHED: Mapping[str, tuple[float, float, float]] = {
    "Picovoice Rhino": (99.0, 97.5, 93.5),
    "Microsoft LUIS": (93.0, 89.5, 84.5),
    "IBM Watson": (96.0, 88.5, 61.0),
    "Amazon Lex": (87.5, 84.5, 75.5),
    "Google Dialogflow": (82.5, 77.0, 66.5),
}
"""Commands accepted at 24, 12 and 6 dB, percent: the mean of the two noises in the source below."""
SOURCE = """\
The others' figures are Picovoice's own, from `benchmark/plot.py` of their
[speech-to-intent-benchmark](https://github.com/Picovoice/speech-to-intent-benchmark): the mean of their café and their
kitchen, on all 619 of these recordings. They count a command whose intent and slots are right; we count one whose whole
list of actions is. The ratio of speech to noise is reckoned as theirs is, from the loudest 128 ms of each, but the
noises are others: five kinds made in code (`evaluation/noises.py`), for a fifth of the recordings each. Read the two as
neighbours, not as a race. All were set up with the menu beforehand, and so is ours."""


def main() -> int:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", type=Path, metavar="FILE.jsonl", help="examples in sound")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N examples")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes that share the work")
    parser.add_argument("--out", type=Path, default=PAGE, metavar="PAGE.md", help="where to write (default: the page)")
    add_recogniser_arguments(parser)
    options = parser.parse_args()
    packs = {name: load_pack(name) for name in SHIPPED}
    found, _ = runnable(read_examples(options.set), packs, hearing=True)
    examples = [example for example in found if example.audio is not None][: options.limit]
    if not examples:
        raise SystemExit(f"{options.set} has no examples in sound")
    plan = Plan(
        packs=tuple(dict.fromkeys(example.pack for example in examples)),
        engine=bundled_options(),
        ttl_ms=TTL_MS,
        recogniser=recogniser_choice(options),
    )
    heard = measured(plan, examples, options.jobs)
    name = options.recogniser.partition(":")[0]
    by_hand = options.out.read_text(encoding="utf-8").partition(MARKER)[0] if options.out.exists() else "# Speech"
    written = page(options.set.stem, name, examples, heard)
    options.out.write_text(f"{by_hand.rstrip()}\n\n{MARKER}\n\n{written}", encoding="utf-8")
    sys.stdout.write(noise_table({level: report(examples, one) for level, one in heard.items()}) + "\n")
    return 0


Answers = Mapping[str, Prediction]


def measured(plan: Plan, examples: Sequence[Example], jobs: int) -> dict[float | None, Answers]:
    """The predictions at each level of noise, by the example's id."""
    tasks = [Task(example, level) for level in LEVELS_DB for example in examples]
    found: dict[float | None, dict[str, Prediction]] = {level: {} for level in LEVELS_DB}
    for count, (place, prediction) in enumerate(predictions(plan, tasks, jobs), 1):
        found[tasks[place].snr_db][prediction.id] = prediction
        if count % 50 == 0:
            sys.stderr.write(f"{count} of {len(tasks)}\n")
    return dict(found)


def report(examples: Sequence[Example], answers: Answers) -> Report:
    """The report on some of the examples."""
    return score(examples, {example.id: answers[example.id] for example in examples})


def page(name: str, recogniser: str, examples: Sequence[Example], heard: Mapping[float | None, Answers]) -> str:
    """The written part of the page."""
    reports = {level: report(examples, answers) for level, answers in heard.items()}
    named = {noise_words(level): one for level, one in reports.items()}
    listening = reports[None].listening
    minutes = listening.audio_s / 60.0 if listening else 0.0
    return "\n\n".join(
        [
            f"## Human recordings: {name}",
            f"{len(examples)} recordings, {minutes:.0f} minutes, each one held-down utterance, through the ear, the "
            f"recogniser `{recogniser}`, the linker and the bundled model. *Exact*: all actions are right.",
            noise_table(reports),
            "### Beside others",
            published_table(reports),
            SOURCE,
            "### By kind of noise",
            kinds_table(examples, heard),
            "### What went wrong, and how often",
            failures_table(named),
            "### What listening takes",
            "Of the machine that measured, with whatever else it did. Transcription is the wait after the last sample.",
            listening_table(named),
            "",
        ]
    )


def noise_table(reports: Mapping[float | None, Report]) -> str:
    """One line a level of noise."""
    columns = ("noise", "exact %", "slot F1 %", "refused %", "wrong carried out %", "no words %")
    rows = []
    for level, one in reports.items():
        unheard = sum(one.listening.unheard.values()) / one.examples if one.listening else None
        shares = (one.exact_match, one.slot_f1, one.false_reject_rate, one.wrong_executed_rate, unheard)
        rows.append([noise_words(level), *map(share, shares)])
    return table(columns, rows)


def published_table(reports: Mapping[float | None, Report]) -> str:
    """Ours and others', at the levels that both have."""
    levels = [level for level in reports if level is not None]
    ours = ["**this one**", *(f"**{share(reports[level].exact_match)}**" for level in levels)]
    others = [[name, *(f"{percent:.1f}" for percent in row)] for name, row in PUBLISHED.items()]
    return table(("", *(f"{noise_words(level)} %" for level in levels)), [ours, *others])


def kinds_table(examples: Sequence[Example], heard: Mapping[float | None, Answers]) -> str:
    """Exact, for the recordings that get each kind of noise; clean, too, as these are not the same recordings."""
    noises = Noises()
    columns = ("noise", "recordings", *(f"{noise_words(level)} %" for level in heard))
    rows = []
    for kind in MAKERS:
        some = [example for example in examples if noises.kind_of(example.id) == kind]
        if some:
            exact = (share(report(some, answers).exact_match) for answers in heard.values())
            rows.append([kind, str(len(some)), *exact])
    return table(columns, rows)


if __name__ == "__main__":
    raise SystemExit(main())
