"""Figures as pictures; the only file that imports matplotlib, and only when a picture is asked for.

Refuses (BENCH_INVALID) where matplotlib is not installed or the folder takes no file.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edge_agent.benchmarking.samples import WayRow
from edge_agent.benchmarking.tables import WAY_WORDS
from edge_agent.benchmarking.trips import STAGES, LoadRow, NodeRow
from edge_agent.errors import Code, ConfigurationFault

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INCHES = (9.0, 3.6)
_COLOURS = ("#1b6ca8", "#c0392b", "#2e8b57", "#8e44ad", "#d68910", "#16a085", "#7f8c8d", "#34495e", "#a04000")


class Plots:
    """Writes pictures into one folder."""

    def __init__(self, folder: Path) -> None:
        """
        Raises:
            ConfigurationFault: BENCH_INVALID.
        """
        self._folder = folder
        self.written: list[Path] = []
        try:
            from matplotlib.figure import Figure  # noqa: PLC0415 - an extra, and half a second to load
        except ImportError as problem:
            why = "pictures need matplotlib; pip install 'edge-agent[bench]'"
            raise ConfigurationFault(Code.BENCH_INVALID, why, where="--plots") from problem
        self._figure = Figure

    def ways(self, title: str, rows: Sequence[WayRow]) -> None:
        """Passes and milliseconds of each way."""
        figure, (left, right) = self._pair(title)
        names = [WAY_WORDS[row.way] for row in rows]
        colours = _COLOURS[: len(rows)]
        _bars(left, names, [row.passes_mean for row in rows], "forward passes a sentence", colours)
        _bars(right, names, [row.total_p50_ms for row in rows], "milliseconds a sentence (p50)", colours)
        right.set_yticklabels([])
        self._save(figure, "ways.png")

    def nodes(self, title: str, rows: Sequence[NodeRow], name: str) -> None:
        """Where the milliseconds of each node go."""
        figure = self._figure(figsize=_INCHES, layout="constrained")
        axes = figure.subplots()
        figure.suptitle(title, fontsize=10)
        names = [row.node for row in rows]
        start = [0.0] * len(rows)
        for stage, colour in zip(STAGES, _COLOURS, strict=True):
            widths = [row.stages_p50_ms[stage] for row in rows]
            axes.barh(names, widths, left=start, color=colour, label=stage)
            start = [before + width for before, width in zip(start, widths, strict=True)]
        wires = [max(0.0, row.trip_p50_ms - before) for row, before in zip(rows, start, strict=True)]
        axes.barh(names, wires, left=start, color="#dddddd", label="wire, client")
        axes.invert_yaxis()
        axes.set_xlabel("milliseconds, socket to socket (each stage's p50)")
        axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
        self._save(figure, name)

    def load(self, title: str, rows: Sequence[LoadRow]) -> None:
        """Throughput and waiting time by the number of clients."""
        figure, (left, right) = self._pair(title)
        clients = [str(row.clients) for row in rows]
        _bars(left, clients, [row.per_s for row in rows], "commands a second", _COLOURS[:1])
        _bars(right, clients, [row.trip_p95_ms for row in rows], "milliseconds (p95)", _COLOURS[1:2])
        left.set_ylabel("clients")
        self._save(figure, "clients.png")

    def _pair(self, title: str) -> tuple[Figure, tuple[Axes, Axes]]:
        figure = self._figure(figsize=_INCHES, layout="constrained")
        figure.suptitle(title, fontsize=10)
        left, right = figure.subplots(1, 2)
        return figure, (left, right)

    def _save(self, figure: Figure, name: str) -> None:
        path = self._folder / name
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            figure.savefig(path, dpi=110)
        except OSError as problem:
            raise ConfigurationFault(Code.BENCH_INVALID, f"cannot be written: {problem}", where=str(path)) from problem
        self.written.append(path)


def _bars(axes: Axes, names: Sequence[str], values: Sequence[float], label: str, colours: Sequence[str]) -> None:
    bars = axes.barh(list(names), list(values), color=list(colours))
    axes.bar_label(bars, fmt="%.3g", padding=3, fontsize=8)
    axes.margins(x=0.15)
    axes.invert_yaxis()
    axes.set_xlabel(label)
    axes.tick_params(labelsize=8)
