"""The linker's benchmark runs and reports each world that it was asked for."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_benchmark_reports_one_line_a_world() -> None:
    """With --json, one object a line, with the figures that the documentation quotes."""
    ran = subprocess.run(
        [sys.executable, "benchmarks/linker.py", "--json", "--sizes", "10,200", "--sentences", "20"],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [line["entities"] for line in lines] == [10, 200]
    for line in lines:
        assert line.keys() == {"entities", "index_s", "index_cpu_s", "p50_us", "p95_us", "max_us", "update_ms", "ratio"}
        assert 0 < line["p50_us"] <= line["p95_us"] <= line["max_us"]
