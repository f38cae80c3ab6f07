"""The folder of what an engine keeps across restarts, and the name of what it depends on.

Decides whether a folder may be used: it is ours, and nobody else may write there. What is kept is named after the
model's bytes, the build of llama.cpp and how it is run, so that nothing of another model or build is ever found.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from edge_agent.language.engine import build_facts
from edge_agent.language.fingerprints import model_digest
from edge_agent.language.options import EngineOptions


@dataclass(frozen=True, slots=True)
class Kept:
    """Where things are kept. `origin`: the model, the build and the options that they were made with."""

    folder: Path
    origin: str


@dataclass(frozen=True, slots=True)
class NotKept:
    """Nothing is kept. `why` the folder that was named may not be used; empty where none was."""

    why: str = ""


def kept_for(options: EngineOptions) -> Kept | NotKept:
    """What these options keep."""
    folder = options.cache_dir
    if folder is None:
        return NotKept()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
        if found.st_uid != os.getuid():
            return NotKept(f"{folder} is not used: it belongs to somebody else")
        if found.st_mode & 0o022:
            return NotKept(f"{folder} is not used: others may write there")
        digest = options.sha256 or model_digest(options.model, folder)
    except OSError as problem:
        return NotKept(f"{folder} cannot be used: {problem}")
    build = build_facts()
    # how many threads share the work moves the last bits, too (ggml-cpu/ops.cpp cuts attention between them)
    run = [options.kv_type, options.flash_attention, options.n_gpu_layers, options.extra_buffers, options.n_threads]
    return Kept(folder, json.dumps([digest, build["binding"], build["system"], build["libraries"], *run]))
