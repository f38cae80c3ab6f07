"""How much the journal keeps: [journal]."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from edge_agent import limits
from edge_agent.settings.base import Section


class JournalSettings(Section):
    """How long the node's audit trail goes back. The latest request ids and answers are kept in any case."""

    keep_days: Annotated[float, Field(ge=limits.JOURNAL_KEEP_DAYS_MIN, le=limits.JOURNAL_KEEP_DAYS_MAX)] = 90.0
    """Entries older than this are forgotten, by the wall clock."""
    max_mb: Annotated[int, Field(ge=limits.JOURNAL_MB_MIN, le=limits.JOURNAL_MB_MAX)] = 256
    """A journal larger than this forgets its oldest entries, however young; in units of 1,000,000 bytes."""
