"""Flipped bits and cut files: what was acknowledged is there, or the node says that it is not, and stands still.

A case is one damage to the files of a node that had ended, by SIGKILL or in order, and whose next life was then asked
about everything that had been acknowledged. Silently wrong is every third outcome: an answer that differs, a request
taken anew, without JOURNAL_DAMAGED and a latched stop.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

from edge_agent.errors import Code
from edge_agent.messages import Answer, ErrorReply
from faults.campaign import Campaign, Result, Samples
from faults.history import violations
from faults.lives import Lives

COMMANDS = 40
ASKED_AGAIN = 12
PAGE = 4096


class Damaging(Lives):
    """One node whose state is copied, damaged and started, again and again."""

    def __init__(self, seed: int, folder: Path) -> None:
        super().__init__(seed, folder)
        self.outcomes: list[str] = []
        self._bases: list[Path] = []

    def make_bases(self, *, both: bool) -> None:
        """Two states of the same past: left by a kill, with a log beside the file, and closed in order."""
        self.node.start()
        self.parties.connect()
        for _ in range(COMMANDS):
            self.ask()
        self.parties.pump(200)
        self.node.kill()
        self.parties.leave()
        self._keep("killed")
        if not both:
            return
        self.node.start()
        self.node.stop()
        self._keep("closed")

    def _keep(self, name: str) -> None:
        base = self.node.folder / name
        shutil.copytree(self.node.state_dir, base)
        self._bases.append(base)

    def one_damage(self) -> None:
        base = self.rng.choice(self._bases)
        shutil.rmtree(self.node.state_dir)
        shutil.copytree(base, self.node.state_dir)
        what = self._damage()
        if not what:
            return
        self.node.start()
        self.parties.connect()
        snapshot = self.snapshot()
        if snapshot is None:
            self.violations.append(f"crash: the node died of {what}")
            return
        said = "JOURNAL_DAMAGED" in self.node.log()
        if said and snapshot.stop_id is None:
            self.violations.append(f"no stop is latched after {what}")
        wrong = [] if said else self._silently_wrong()
        if wrong:
            self.violations.append(f"silently wrong after {what}: {wrong[0]}, and {len(wrong) - 1} more")
        self.outcomes.append("said" if said else "whole")
        self.node.kill()
        self.parties.leave()

    def _silently_wrong(self) -> list[str]:
        """What was acknowledged and is another thing now."""
        found, history = [], self.parties.history
        answered = [one for one in self.asked if self.answer_of(one)]
        for command in answered[-ASKED_AGAIN // 2 :] + self.rng.sample(answered, ASKED_AGAIN // 2):
            before = history.answers[command.request_id]
            count = len(before)
            self.parties.replies.pop(command.request_id, None)
            self.parties.say(command)
            self.await_that(
                lambda: len(before) > count or command.request_id in self.parties.replies  # noqa: B023
            )
            reply = self.parties.replies.get(command.request_id)
            if isinstance(reply, ErrorReply):
                if reply.code is not Code.JOURNAL_UNAVAILABLE:
                    found.append(f"{command.request_id} is refused: {reply.code}")
            elif not _same(before[0], before[-1]):
                found.append(
                    f"{command.request_id} was answered as {before[0].command_id}, now {before[-1].command_id}"
                )
                del before[count:]
        return found

    def _damage(self) -> str:
        """Change the files; in words, or nothing when there was nothing to change."""
        state = self.node.state_dir
        journal, log = state / "journal.db", state / "journal.db-wal"
        ways: list[tuple[str, Path, Callable[[bytearray, random.Random], None]]] = [
            ("a flipped bit in the journal", journal, _flip),
            ("a page of zeros in the journal", journal, _zero),
            ("a cut journal", journal, _cut),
            ("a flipped bit in the log", log, _flip),
            ("a flipped bit in the log", log, _flip),
            ("a cut log", log, _cut),
            ("a cut log", log, _cut),
        ]
        name, path, way = self.rng.choice(ways)
        if not path.exists() or path.stat().st_size < 2 * PAGE:
            return ""
        content = bytearray(path.read_bytes())
        before = bytes(content)
        way(content, self.rng)
        path.write_bytes(content)
        return name if bytes(content) != before else ""


def _same(first: Answer, other: Answer) -> bool:
    return other.model_copy(update={"timings": first.timings}) == first


def _flip(content: bytearray, rng: random.Random) -> None:
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)


def _zero(content: bytearray, rng: random.Random) -> None:
    page = rng.randrange(len(content) // PAGE) * PAGE
    content[page : page + PAGE] = bytes(PAGE)


def _cut(content: bytearray, rng: random.Random) -> None:
    del content[rng.randrange(len(content)) :]


def run(seed: int, cases: int, folder: Path) -> Result:
    """So many damages that changed something."""
    damaging = Damaging(seed, folder)
    damaging.make_bases(both=cases > 1)
    found = violations(damaging.parties.history)
    for _ in range(4 * cases):
        if len(damaging.outcomes) >= cases:
            break
        damaging.one_damage()
    found += damaging.violations
    outcomes = {name: [1.0] * damaging.outcomes.count(name) for name in ("said", "whole")}
    return Result(len(damaging.outcomes), tuple(found), outcomes)


def figure(samples: Samples) -> str:
    said, whole = len(samples.get("said", [])), len(samples.get("whole", []))
    return f"{said} set aside with a stop latched, {whole} with everything there; 0 silently wrong is the promise"


CAMPAIGN = Campaign(
    name="damage",
    promise="a damaged journal is never silently wrong",
    how="bits flipped, pages zeroed, the file and its write-ahead log cut, after a kill and after an orderly end",
    cases=150,
    short=1,
    portion=50,
    run=run,
    figure=figure,
    unit="damages",
)
