"""The campaign's results as a table of promises, and its place in a document."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from faults.campaign import Campaign, Result

BEGIN, END = "<!-- faults: begin -->", "<!-- faults: end -->"


@dataclass(frozen=True, slots=True)
class Told:
    """A campaign, all its portions together, and how long they took."""

    campaign: Campaign
    result: Result
    took_s: float
    seeds: tuple[int, ...]


def verdicts(told: Told) -> list[str]:
    """Everything that broke the promise, in the portions and over all of them."""
    found = list(told.result.violations)
    if told.result.cases:
        found += told.campaign.judge(dict(told.result.samples))
    else:
        found.append("not one case happened")
    return found


def table(all_told: Iterable[Told]) -> str:
    """Markdown: promise, how it was tried, cases, violations, figure."""
    lines = ["| promise | how it was tried | cases | violations | figure |", "|---|---|---:|---:|---|"]
    for told in all_told:
        unit = f" {told.campaign.unit}" if told.campaign.unit else ""
        figure = told.campaign.figure(dict(told.result.samples)) if told.result.cases else "nothing happened"
        lines.append(
            f"| {told.campaign.promise} | `{told.campaign.name}`: {told.campaign.how} "
            f"| {told.result.cases:,}{unit} | {len(verdicts(told))} | {figure} |"
        )
    return "\n".join(lines)


def text(all_told: list[Told], seed: int) -> str:
    """The table, and what it was measured on."""
    minutes = sum(told.took_s for told in all_told) / 60
    machine = (
        f"{_processor()}, {_processors()} processors, Linux {platform.release()}, Python {platform.python_version()}"
    )
    head = f"`make faults` with seed {seed}, {minutes:.0f} minutes of campaigns in all, on {machine}."
    return f"{head}\n\n{table(all_told)}"


def write(path: Path, content: str) -> None:
    """Put it between the markers of a document.

    Raises:
        ValueError: the document has no such place.
    """
    document = path.read_text(encoding="utf-8")
    before, begin, rest = document.partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path} has no {BEGIN} … {END}")
    path.write_text(f"{before}{BEGIN}\n{content}\n{END}{after}", encoding="utf-8")


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return " ".join(line.split(":", 1)[1].split())
    return platform.machine()


def _processors() -> int:
    return Path("/proc/cpuinfo").read_text().count("processor\t:")
