"""What a person or a program sees: short lines and tables, or one JSON object a line; errors on stderr.

The only file that imports rich. Nothing here reads rich's markup: a marked sentence holds brackets of its own.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from edge_agent.errors import EdgeAgentError

Piece = tuple[str, str]
"""Words and the style they are shown in, "" for plain."""


class Step(Protocol):
    """Moves a progress bar on by one, or more."""

    def __call__(self, count: int = 1) -> None: ...


class Meter(Protocol):
    """Moves a bar to a share from 0 to 1, with a few words beside it."""

    def __call__(self, done: float, words: str) -> None: ...


class Standing(Protocol):
    """The line at the foot of a terminal, drawn anew each time."""

    def show(self, *pieces: str | Piece) -> None:
        """Put these words in place of those before."""


class Screen:
    """Writes for one verb. With `as_json` the lines for people are left out and only `record` writes."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self._out = Console(soft_wrap=True, highlight=False)
        self._err = Console(soft_wrap=True, highlight=False, stderr=True)

    def line(self, *pieces: str | Piece) -> None:
        """One line for people, put together from plain words and (words, style) pairs."""
        if not self.as_json:
            self._out.print(_text(pieces))

    def note(self, *pieces: str | Piece) -> None:
        """One line on stderr, whatever the format: progress and remarks."""
        self._err.print(_text(pieces))

    def raw(self, text: str) -> None:
        """Text exactly as it stands, for files and pipes."""
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
        sys.stdout.flush()

    def record(self, value: dict[str, Any]) -> None:
        """One object a line, for programs; people do not see it."""
        if self.as_json:
            self.raw(json.dumps(value, ensure_ascii=False, separators=(",", ":")))

    def error(self, error: EdgeAgentError) -> None:
        """`CODE: where: message` on stderr."""
        code, _, rest = str(error).partition(": ")
        self._err.print(_text(((code, "bold red"), f": {rest}")))

    def table(
        self, columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: frozenset[int] = frozenset()
    ) -> None:
        """A small table for people; the columns in `right` are numbers."""
        if self.as_json:
            return
        table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
        for index, column in enumerate(columns):
            table.add_column(column, justify="right" if index in right else "left", overflow="fold")
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        self._out.print(table, soft_wrap=False)

    @contextmanager
    def standing(self) -> Iterator[Standing]:
        """A line that stays at the foot while the block runs; nothing for programs and where stdout is no terminal."""
        shown = not self.as_json and self._out.is_terminal
        with Live(console=self._out, auto_refresh=False, transient=True) if shown else nullcontext() as live:
            yield _Foot(live)

    @contextmanager
    def progress(self, label: str, total: int) -> Iterator[Step]:
        """A bar on stderr while the block runs; nothing where stderr is no terminal."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=self._err, transient=True, disable=not self._err.is_terminal) as bar:
            task = bar.add_task(label, total=total)

            def step(count: int = 1) -> None:
                bar.advance(task, count)

            yield step

    @contextmanager
    def meter(self, label: str) -> Iterator[Meter]:
        """A bar on stderr with words beside it; where stderr is no terminal, a line for every tenth of the way."""
        told = -1
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[words]}"))
        with Progress(*columns, console=self._err, transient=True, disable=not self._err.is_terminal) as bar:
            task = bar.add_task(label, total=1.0, words="")

            def move(done: float, words: str) -> None:
                nonlocal told
                bar.update(task, completed=done, words=words)
                if not self._err.is_terminal and int(done * 10) > told:
                    told = int(done * 10)
                    self.note(f"{label} {100 * done:3.0f} %  {words}")

            yield move


@dataclass(frozen=True, slots=True)
class _Foot:
    live: Live | None

    def show(self, *pieces: str | Piece) -> None:
        if self.live is not None:
            self.live.update(_text(pieces), refresh=True)


def _text(pieces: Sequence[str | Piece]) -> Text:
    text = Text()
    for piece in pieces:
        words, style = (piece, "") if isinstance(piece, str) else piece
        text.append(words, style=style)
    return text
