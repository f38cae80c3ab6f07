"""How an engine is to be run; plain values that both its process and the node read.

Refuses (SETTINGS_INVALID) keys and values in a type that attention without flash cannot read.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from edge_agent.errors import Code, ConfigurationFault

CacheType = Literal["f16", "q8_0", "q4_0"]
"""Keys and values have one type: a GPU has fast kernels for equal ones only."""
FlashAttention = Literal["auto", "on", "off"]


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How the engine is to be run. `style` overrides the prompt style that the vocabulary suggests.

    `cache_dir`: where prompts are kept across restarts; None keeps none. `settle`: near ties are settled by another
    pass, so that an answer does not depend on what else was read with it.
    """

    model: Path
    n_ctx: int = 2_048
    n_threads: int = 1
    n_gpu_layers: int = -1
    sha256: str | None = None
    style: str | None = None
    extra_buffers: bool = True
    sequences: int = 1
    kv_type: CacheType = "f16"
    flash_attention: FlashAttention = "auto"
    cache_dir: Path | None = None
    settle: bool = True

    def __post_init__(self) -> None:
        if self.kv_type != "f16" and self.flash_attention == "off":
            why = f'values in {self.kv_type} need flash attention; set flash_attention = "auto" or kv_type = "f16"'
            raise ConfigurationFault(Code.SETTINGS_INVALID, why, where="model.flash_attention")

    def to_object(self) -> dict[str, Any]:
        return {**asdict(self), "model": str(self.model), "cache_dir": str(self.cache_dir) if self.cache_dir else None}

    @classmethod
    def of_object(cls, fields: dict[str, Any]) -> EngineOptions:
        paths = {
            "model": Path(fields["model"]),
            "cache_dir": Path(fields["cache_dir"]) if fields["cache_dir"] else None,
        }
        return cls(**{**fields, **paths})


@dataclass(frozen=True, slots=True)
class ContextOptions:
    """The sequences of one context: `prefixes` kept, `sequences` worked on at the same time, `n_ctx` cells for all.

    `fill`: fill passes up to a few sizes, for a GPU.
    """

    prefixes: int
    sequences: int
    n_ctx: int
    n_threads: int = 1
    kv_type: CacheType = "f16"
    flash_attention: FlashAttention = "auto"
    fill: bool = False
