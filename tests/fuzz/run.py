"""Coverage-guided fuzzing of every target: `python tests/fuzz/run.py --minutes 5 --only frame`; `make fuzz` runs all.

Each target runs in a process of its own, one after the other, from its corpus on. What it finds lies in .cache/fuzz and
is named at the end; put the smallest such file into tests/fuzz/corpus/NAME, where the tests try it from then on. The
same seed takes the same way for as long as the code and the corpus stay the same. Needs atheris: pip install '.[fuzz]'.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
KEPT = ROOT / ".cache" / "fuzz"
SECONDS_MAX = 20
"""One input that takes longer is a finding."""
MEGABYTES_MAX = 2_048
sys.path.insert(0, str(ROOT / "tests"))


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one target."""

    executions: int
    inputs: int
    """Inputs that reached something new, kept for the next time."""
    found: tuple[Path, ...]


def main() -> int:
    """Run the targets; 1 when something was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=2.0, help="for each target")
    parser.add_argument("--only", action="append", metavar="NAME", help="this target alone; may be given again")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--target", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        parser.error("atheris is not installed here; `make fuzz` does that, and so does pip install '.[fuzz]'")
    if chosen.target:
        fuzz(chosen.target, chosen.minutes, chosen.seed)
    from fuzz.targets import TARGETS

    unknown = set(chosen.only or ()) - set(TARGETS)
    if unknown:
        parser.error(f"no target {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    found = 0
    for name in chosen.only or TARGETS:
        result = run(name, chosen.minutes, chosen.seed)
        print(
            f"{name:10}{result.executions:>12,} executions {result.inputs:>6,} inputs {len(result.found):>3} found",
            flush=True,
        )
        for path in result.found:
            print(f"{'':10}  {path}", flush=True)
        found += len(result.found)
    return 1 if found else 0


def run(name: str, minutes: float, seed: int) -> Result:
    """One target in a process of its own; a crash or a hang of it ends nothing else."""
    kept, finds = KEPT / name, KEPT / "found"
    for folder in (kept, finds):
        folder.mkdir(parents=True, exist_ok=True)
    before = set(finds.iterdir())
    arguments = ["--target", name, "--minutes", str(minutes), "--seed", str(seed)]
    log = KEPT / f"{name}.log"
    with log.open("wb") as output:
        ended = subprocess.run([sys.executable, __file__, *arguments], stdout=output, stderr=output, check=False)
    told = log.read_text(encoding="utf-8", errors="replace")
    counts = re.findall(r"^#(\d+)", told, re.MULTILINE)
    found = sorted(set(finds.iterdir()) - before)
    if ended.returncode and not found:
        found = [log]  # it broke before it could say on what
    return Result(int(counts[-1]) if counts else 0, len(list(kept.iterdir())), tuple(found))


def fuzz(name: str, minutes: float, seed: int) -> None:
    """Fuzz one target in this process; never returns."""
    import atheris

    with atheris.instrument_imports(include=["edge_agent", "fuzz", "json", "tomllib", "yaml", "hassil"]):
        from fuzz.targets import TARGETS
    target = TARGETS[name]
    words = KEPT / f"{name}.words"
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.words), encoding="ascii")
    atheris.Setup(
        [
            sys.argv[0],
            str(KEPT / name),
            str(target.corpus()[0].parent),
            f"-seed={seed}",
            f"-max_total_time={int(minutes * 60)}",
            f"-max_len={target.bytes_max}",
            f"-timeout={SECONDS_MAX}",
            f"-rss_limit_mb={MEGABYTES_MAX}",
            f"-dict={words}",
            f"-artifact_prefix={KEPT}/found/{name}-",
        ],
        target.check,
    )
    atheris.Fuzz()


def _escaped(word: bytes) -> str:
    """A word of a libFuzzer dictionary: https://llvm.org/docs/LibFuzzer.html#dictionaries."""
    return "".join(f"\\x{byte:02x}" for byte in word[:64])


if __name__ == "__main__":
    raise SystemExit(main())
