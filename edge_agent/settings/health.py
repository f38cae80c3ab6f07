"""What the node says of itself, where, and how much: [health]."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from edge_agent.settings.base import Section


class HealthSettings(Section):
    """Metrics, the log, and when the machine counts as hot."""

    metrics: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    """Where /metrics and /healthz are served: IP:PORT of loopback, or a socket's absolute path; nowhere when absent."""
    log: Literal["auto", "json", "text"] = "auto"
    """auto: words on a terminal, JSON anywhere else."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Events below it are not written; debug shows every stage of every command."""
    log_text: bool = False
    """Write what people said into the log, too. The journal has it in any case."""
    hot_c: Annotated[float, Field(gt=0, le=150)] | None = None
    """Hot from this temperature on, in any zone; at a zone's own trip point in any case."""
    thermal: Path = Path("/sys/class/thermal")
    """Where the kernel shows its thermal zones."""
