"""How an engine is to be run; plain values that both its process and the node read."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How the engine is to be run. `style` overrides the prompt style that the vocabulary suggests."""

    model: Path
    n_ctx: int = 2_048
    n_threads: int = 1
    n_gpu_layers: int = -1
    sha256: str | None = None
    style: str | None = None
    extra_buffers: bool = True

    def to_object(self) -> dict[str, Any]:
        return {**asdict(self), "model": str(self.model)}

    @classmethod
    def of_object(cls, fields: dict[str, Any]) -> EngineOptions:
        return cls(**{**fields, "model": Path(fields["model"])})
