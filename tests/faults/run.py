"""Run the campaigns: `python tests/faults/run.py [--only NAME] [--scale 0.01] [--jobs 2] [--resume] [--write FILE]`.

Every portion is a process of its own with an empty folder; what it found is kept at once, so that a run that was cut
off goes on with `--resume`. A portion that dies, hangs or breaks a promise leaves its folder behind, and the command
that brings it back is printed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TESTS = Path(__file__).parent.parent
sys.path[:] = [str(TESTS), *(path for path in sys.path if Path(path or ".").resolve() != Path(__file__).parent)]

from faults.campaign import Campaign, Result, merged  # noqa: E402 - found by the line above
from faults.plan import end_all  # noqa: E402
from faults.report import Told, table, text, verdicts, write  # noqa: E402
from faults.state import Portion, State, portions  # noqa: E402
from faults.table import CAMPAIGNS, named  # noqa: E402

CACHE = TESTS.parent / ".cache" / "faults"
SEED = 1


def main(arguments: list[str] | None = None) -> int:
    """0: every promise held; 1: some did not."""
    asked = _parser().parse_args(arguments)
    if asked.portion:
        return _run_portion(asked.portion, asked.seed, asked.cases, Path(asked.folder))
    chosen = [named(name) for name in asked.only] or list(CAMPAIGNS)
    state = State(asked.state, resume=asked.resume)
    planned = {one.name: _planned(one, asked) for one in chosen}
    began = time.monotonic()
    todo = [portion for one in chosen for portion in planned[one.name] if state.result_of(portion) is None]
    _run_all(todo, state, asked.jobs)
    told = [_told(one, planned[one.name], state) for one in chosen]
    for one in told:
        for what in verdicts(one):
            print(f"{one.campaign.name}: {what}")
    print(f"\n{table(told)}\n\n{time.monotonic() - began:.0f} s")
    if asked.write is not None:
        write(asked.write, text(told, asked.seed))
    return 1 if any(verdicts(one) for one in told) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="run.py", description=__doc__)
    parser.add_argument("--only", action="append", default=[], choices=[one.name for one in CAMPAIGNS])
    parser.add_argument("--scale", type=float, default=1.0, help="a share of the cases of the long run")
    parser.add_argument("--cases", type=int, help="so many in place of the long run's")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--jobs", type=int, default=1, help="portions side by side; those that take times run alone")
    parser.add_argument("--resume", action="store_true", help="leave out what is done already")
    parser.add_argument("--state", type=Path, default=CACHE / "state.json")
    parser.add_argument("--write", type=Path, help="a document with a place for the table")
    parser.add_argument("--portion", help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    return parser


def _planned(campaign: Campaign, asked: argparse.Namespace) -> list[Portion]:
    if asked.cases is not None:
        return [Portion(campaign, asked.seed, asked.cases)]
    return portions(campaign, asked.seed, asked.scale)


def _run_all(todo: list[Portion], state: State, jobs: int) -> None:
    """First what must run alone; then the rest, the longest first."""
    for portion in [one for one in todo if one.campaign.alone]:
        _run_one(portion, state)
    rest = sorted((one for one in todo if not one.campaign.alone), key=lambda one: -one.campaign.limit_s)
    with ThreadPoolExecutor(jobs) as pool:
        for done in [pool.submit(_run_one, portion, state) for portion in rest]:
            done.result()


def _run_one(portion: Portion, state: State) -> None:
    """One process, watched; its result is kept whatever became of it."""
    folder = Path(tempfile.mkdtemp(prefix="ea-", dir="/tmp"))  # a unix socket's path is limited
    began = time.monotonic()
    result = _result_of(portion, folder)
    took_s = time.monotonic() - began
    state.add(portion, result, took_s)
    print(f"{portion.key}: {result.cases} cases, {len(result.violations)} violations, {took_s:.0f} s", flush=True)
    if result.violations:
        kept = CACHE / "violations" / portion.key.replace(" ", "-")
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(folder, kept, ignore=lambda _at, names: [name for name in names if name.endswith(".sock")])
        print(f"  {result.violations[0]}\n  left in {kept}\n  again: {_again(portion)}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)


def _result_of(portion: Portion, folder: Path) -> Result:
    command = [sys.executable, str(Path(__file__)), "--portion", portion.campaign.name]
    command += ["--seed", str(portion.seed), "--cases", str(portion.cases), "--folder", str(folder)]
    with (folder / "portion.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        try:
            status = process.wait(portion.campaign.limit_s)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            _end_session(process)
    told = folder / "result.json"
    if status == 0 and told.exists():
        return Result.from_json(told.read_text())
    how = f"did not end within {portion.campaign.limit_s:g} s" if status is None else f"ended with {status}"
    last_words = (folder / "portion.log").read_text(errors="replace")[-3_000:]
    return Result(0, (f"the campaign itself {how}\n{last_words}",))


def _end_session(process: subprocess.Popen[bytes]) -> None:
    """The portion and every daemon that it began."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    finally:
        process.wait()


def _run_portion(name: str, seed: int, cases: int, folder: Path) -> int:
    try:
        result = named(name).run(seed, cases, folder)
    finally:
        end_all()
    (folder / "result.json").write_text(result.to_json())
    return 0


def _again(portion: Portion) -> str:
    return f"python tests/faults/run.py --only {portion.campaign.name} --seed {portion.seed} --cases {portion.cases}"


def _told(campaign: Campaign, planned: list[Portion], state: State) -> Told:
    results = [result for portion in planned if (result := state.result_of(portion)) is not None]
    took_s = sum(state.seconds_of(portion) for portion in planned)
    return Told(campaign, merged(results), took_s, tuple(portion.seed for portion in planned))


if __name__ == "__main__":
    raise SystemExit(main())
