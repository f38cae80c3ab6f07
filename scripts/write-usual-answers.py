"""Writes what is usually answered to each shipped pack's phrases. A test fails when a file is not what this writes."""

from __future__ import annotations

import sys

from edge_agent.language.phrase_answers import write_usual_answers
from edge_agent.packs.registry import SHIPPED, load_pack


def main() -> None:
    for name in SHIPPED:
        sys.stdout.write(f"{write_usual_answers(load_pack(name)).name}\n")


if __name__ == "__main__":
    main()
