"""All targets by name."""

from __future__ import annotations

from fuzz import files, texts, wire
from fuzz.target import Target

TARGETS: dict[str, Target] = {target.name: target for target in (*wire.TARGETS, *files.TARGETS, *texts.TARGETS)}
