"""Reports as Markdown tables: the sets, the kinds of failure, and what refusing the doubtful buys. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from edge_agent.evaluation.failures import Kind
from edge_agent.evaluation.report import Report
from edge_agent.evaluation.risk import COVERAGES, Risk

SET_COLUMNS = (
    "set",
    "examples",
    "exact %",
    "action names %",
    "slot F1 %",
    "unsafe %",
    "refused %",
    "wrong carried out %",
    "p50 ms",
    "p95 ms",
)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """One Markdown table."""
    head = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    return "\n".join([*head, *(f"| {' | '.join(cells)} |" for cells in rows)])


def share(value: float | None) -> str:
    """A ratio as a percentage without its sign."""
    return "-" if value is None else f"{100 * value:.1f}"


def noise_words(level_db: float | None) -> str:
    """A level of noise, or none, as it stands in tables."""
    return "clean" if level_db is None else f"{level_db:g} dB"


def page(reports: Mapping[str, Report]) -> str:
    """All tables of some sets, one after the other."""
    curves = {name: report.risk for name, report in reports.items() if report.risk}
    tables = [sets_table(reports), failures_table(reports), risk_table(curves)]
    listening = {name: report for name, report in reports.items() if report.listening}
    return "\n\n".join([*tables, listening_table(listening)] if listening else tables)


def sets_table(reports: Mapping[str, Report]) -> str:
    """One line a set."""
    return table(SET_COLUMNS, (_set_row(name, report) for name, report in reports.items()))


def _set_row(name: str, report: Report) -> list[str]:
    shares = (
        report.exact_match,
        report.action_name_match,
        report.slot_f1,
        report.unsafe_accept_rate,
        report.false_reject_rate,
        report.wrong_executed_rate,
    )
    latencies = (report.latency_p50_ms, report.latency_p95_ms)
    milliseconds = ("-" if value is None else f"{value:.1f}" for value in latencies)
    return [name, str(report.examples), *map(share, shares), *milliseconds]


def listening_table(reports: Mapping[str, Report]) -> str:
    """One line a set in sound: what listening took, and what was refused before there were words."""
    columns = ("set", "minutes", "transcription p50 ms", "p95 ms", "real-time factor", "no words %")
    rows = []
    for name, report in reports.items():
        if (heard := report.listening) is not None:
            cells = (f"{heard.audio_s / 60:.1f}", f"{heard.final_p50_ms:.0f}", f"{heard.final_p95_ms:.0f}")
            unheard = share(sum(heard.unheard.values()) / heard.files)
            rows.append([name, *cells, f"{heard.real_time_factor:.2f}", unheard])
    return table(columns, rows)


def failures_table(reports: Mapping[str, Report]) -> str:
    """One line a kind of failure, one column a set; kinds that nothing failed by are left out."""
    found = [kind for kind in Kind if any(report.failures.get(kind) for report in reports.values())]
    rows = [[kind.value, *(str(report.failures.get(kind, 0)) for report in reports.values())] for kind in found]
    total = ["**together**", *(str(sum(report.failures.values())) for report in reports.values())]
    return table(("kind", *reports), [*rows, total])


def risk_table(curves: Mapping[str, Sequence[Risk]], coverages: Sequence[float] = COVERAGES) -> str:
    """One line a set: of the surest answers carried out, how many percent are wrong, and how sure the last one is."""
    columns = ("carried out", *(f"{100 * coverage:.0f} %" for coverage in coverages))
    return table(columns, ([name, *map(_risk_cell, points)] for name, points in curves.items()))


def _risk_cell(risk: Risk) -> str:
    return f"{100 * risk.wrong_share:.1f} (≥ {risk.confidence_min:.2f})"
