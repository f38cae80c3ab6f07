"""Figures as tables that a screen, a Markdown page and a program can all show. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from edge_agent.benchmarking.samples import Agreement, Cost, Way, WayRow
from edge_agent.benchmarking.trips import STAGES, LoadRow, NodeRow

WAY_WORDS: Mapping[Way, str] = {
    Way.STOCK: "llama-cpp-python",
    Way.PLAIN: "one token a pass",
    Way.FORCED: "forced tokens skipped",
    Way.RIGHT: "… and a right draft",
    Way.WRONG: "… and a wrong draft",
}


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a line above it that says what was measured, and lines below it that say how.

    `narrow`: the columns that a screen shows; none are all.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    narrow: tuple[str, ...] = ()
    records: tuple[dict[str, Any], ...] = field(default=(), repr=False)
    """The same figures for a program."""

    def on_screen(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Columns and rows that fit a screen."""
        kept = [place for place, column in enumerate(self.columns) if not self.narrow or column in self.narrow]
        return tuple(self.columns[place] for place in kept), [tuple(row[place] for place in kept) for row in self.rows]

    def markdown(self) -> str:
        """As a page has it."""
        head = f"| {' | '.join(self.columns)} |\n|{'---|' * len(self.columns)}"
        lines = [f"| {' | '.join(cells)} |" for cells in self.rows]
        return "\n".join([f"**{self.title}**", "", head, *lines, "", *self.notes])


def ways_table(title: str, rows: Sequence[WayRow], agreements: Iterable[Agreement], cost: Cost) -> Table:
    """One line a way."""
    columns = (
        "way", "tokens", "passes", "passes p95", "settled", "prefill ms", "decode ms", "p50 ms", "p95 ms",
        "fewer passes", "less time", "GB moved", "of floor",
    )  # fmt: skip
    cells = tuple(
        (
            WAY_WORDS[row.way],
            f"{row.tokens_mean:.1f}",
            f"{row.passes_mean:.1f}",
            f"{row.passes_p95:.0f}",
            f"{row.settled_mean:.1f}",
            f"{row.first_p50_ms:.1f}",
            f"{row.rest_p50_ms:.1f}",
            f"{row.total_p50_ms:.1f}",
            f"{row.total_p95_ms:.1f}",
            _ratio(row.passes_ratio),
            _ratio(row.time_ratio),
            f"{row.moved_gb:.3g}",
            f"{100 * row.floor_share:.0f} %",
        )
        for row in rows
    )
    compared = tuple(agreements)
    notes = (
        f"A pass moves {cost.pass_bytes / 1e9:.3g} GB; the machine reads {cost.bandwidth_gb_s:.1f} GB/s at the most. "
        "“Of floor” is the time that the bytes need at that speed, as a share of the time taken. “Settled” are passes "
        "that read a near tie again. Fewer and less say how many times, against the first line, over sentences that "
        "both answer alike: another answer has another length.",
        "Prefill is the first pass: it reads the sentence, what follows it, and a draft where there is one.",
        *(_agreement_words(one) for one in compared),
    )
    records = [{"part": "ways", **asdict(row), "bandwidth_gb_s": cost.bandwidth_gb_s} for row in rows]
    records += [{"part": "agreement", **asdict(one), "unequal": one.unequal} for one in compared]
    narrow = ("way", "passes", "p50 ms", "p95 ms", "fewer passes", "less time")
    return Table(title, columns, cells, notes, narrow, _finite(records))


def _agreement_words(one: Agreement) -> str:
    way = WAY_WORDS[one.way].removeprefix("… and ")
    told = f"Actions equal to those with forced tokens skipped: {way} {one.actions} of {one.compared}"
    return f"{told}, {one.near_ties} near ties, {one.unequal} unequal." if one.actions < one.compared else f"{told}."


def nodes_table(title: str, part: str, rows: Sequence[NodeRow], notes: Sequence[str] = ()) -> Table:
    """One line a node; the ratio is its p50 to the first one's."""
    columns = (
        "node", "commands", "actions", "passes", "p50 ms", "p95 ms", "ratio", "in the node p50", "model p50",
        "outside p50", "outside p95",
    )  # fmt: skip
    first = rows[0].trip_p50_ms if rows else math.nan
    cells = tuple(
        (
            row.node,
            str(row.commands),
            str(row.actions),
            f"{row.passes_mean:.1f}",
            f"{row.trip_p50_ms:.2f}",
            f"{row.trip_p95_ms:.2f}",
            f"{row.trip_p50_ms / first:.2f}",
            f"{row.node_p50_ms:.2f}",
            f"{row.decide_p50_ms:.2f}",
            f"{row.outside_p50_ms:.2f}",
            f"{row.outside_p95_ms:.2f}",
        )
        for row in rows
    )
    stages = tuple(
        f"{row.node}: " + " · ".join(f"{stage} {row.stages_p50_ms[stage]:.2f}" for stage in STAGES) + " ms (p50)"
        for row in rows
    )
    records = [{"part": part, **asdict(row), "ratio": row.trip_p50_ms / first} for row in rows]
    narrow = ("node", "actions", "passes", "p50 ms", "p95 ms", "ratio", "model p50", "outside p50")
    return Table(title, columns, cells, (*stages, *notes), narrow, _finite(records))


def load_table(title: str, rows: Sequence[LoadRow], notes: Sequence[str] = ()) -> Table:
    """One line for each number of clients."""
    columns = ("clients", "commands", "a second", "ratio", "p50 ms", "p95 ms", "passes", "expired", "late", "failed")
    cells = tuple(
        (
            str(row.clients),
            str(row.commands),
            f"{row.per_s:.2f}",
            f"{row.ratio:.2f}",
            f"{row.trip_p50_ms:.0f}",
            f"{row.trip_p95_ms:.0f}",
            f"{row.passes_mean:.1f}",
            str(row.expired),
            str(row.late),
            str(row.failed),
        )
        for row in rows
    )
    records = [{"part": "clients", **asdict(row)} for row in rows]
    return Table(title, columns, cells, tuple(notes), records=_finite(records))


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _finite(records: Iterable[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    """Records without the numbers that JSON has no word for."""
    return tuple(
        {key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in record.items()}
        for record in records
    )
