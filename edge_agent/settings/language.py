"""What the node speaks of, and the model that decides."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from edge_agent.settings.base import Section


class PackSettings(Section):
    """One pack that the node speaks, and its world."""

    name: str
    """A shipped pack (robot, home, kiosk) or the path of a pack file."""
    world: Path | None = None
    """TOML file; the pack's example world when absent."""
    grammar: Path | None = None
    """A GBNF file of your own for this pack's answers; one made for each sentence when absent."""
    confidence_min: Annotated[float, Field(ge=0, le=1)] | None = None
    """Below it nothing is done; the pack's own threshold when absent."""


class ModelSettings(Section):
    """The GGUF file that decides, and how it is run."""

    path: Path | None = None
    """The bundled model when absent. The one setting that drops a Llama 3 8B in."""
    sha256: str | None = None
    """Checked before loading when given; the bundled model is always checked against its manifest."""
    n_ctx: Annotated[int, Field(ge=256, le=131_072)] = 2_048
    n_threads: Annotated[int, Field(ge=1, le=256)] = 1
    n_gpu_layers: Annotated[int, Field(ge=-1, le=1_000)] = -1
    """-1: all layers, where the build has a GPU backend."""
    sequences: Annotated[int, Field(ge=1, le=64)] = 8
    """Sentences decided at the same time; each further one takes 160 cells."""
    kv_type: Literal["f16", "q8_0", "q4_0"] = "f16"
    """Of keys and values; q8_0 halves their memory."""
    flash_attention: Literal["auto", "on", "off"] = "auto"
    settle_ties: bool = True
    """Settle near ties by another pass, so that no answer depends on what else was read with it."""
    draft: Literal["bundled", "off"] = "bundled"
    """Whether the bundled model drafts answers for another one to check."""
