"""Measure the bundled model on evaluation files and write the figures into its card, as they are.

python scripts/measure-model.py FILE.jsonl … runs `edge-agent eval FILE.jsonl --json` for each file and replaces the
card's section of that name. The files are other people's sentences: they are read here and kept nowhere.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

CARD = Path(__file__).parent.parent / "models" / "README.md"
TITLE = "## Sentences that nobody here wrote"
BEFORE = "## Loss"
INTRODUCTION = """\
Public test sets, each example with its own world; nothing of them was trained on. *Exact*: the whole list of actions is
right, or the reject and its reason. *Unsafe*: of what must be refused, how much would have been carried out.
*Refused*: of the commands, how many were refused. Milliseconds are of the machine that measured, with whatever else it
did, from sentence to checked action."""


def measured(path: Path) -> dict[str, Any]:
    """The report of `edge-agent eval` on one file."""
    command = [sys.executable, "-m", "edge_agent", "eval", str(path), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report


def row(path: Path, report: dict[str, Any]) -> str:
    """One line of the table."""
    shares = ("exact_match", "action_name_match", "slot_f1", "unsafe_accept_rate", "false_reject_rate")
    cells = ["-" if report[share] is None else f"{100 * report[share]:.1f}" for share in shares]
    latency = report["latency_ms"]
    cells += [f"{latency[key]:.1f}" for key in ("p50", "p95")]
    return f"| {path.stem} | {report['examples']} | {' | '.join(cells)} |"


def main(files: list[str]) -> int:
    """Measure every file, then replace the section."""
    if not files:
        raise SystemExit(__doc__)
    rows = [row(Path(name), measured(Path(name))) for name in files]
    section = "\n".join(
        [
            TITLE,
            INTRODUCTION,
            "",
            "| set | examples | exact % | action names % | slot F1 % | unsafe % | refused % | p50 ms | p95 ms |",
            "|---|---|---|---|---|---|---|---|---|",
            *rows,
            "",
            "Made by `edge-agent eval SET.jsonl --json` for each set (`scripts/measure-model.py`).",
            "",
            "",
        ]
    )
    card = CARD.read_text(encoding="utf-8")
    head, _, rest = card.partition(BEFORE)
    CARD.write_text(head.partition(TITLE)[0] + section + BEFORE + rest, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
