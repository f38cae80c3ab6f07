"""`models`: which models are at hand, and whether their bytes are the ones that were published."""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

from edge_agent.cli.exit_codes import Exit, exit_of_error
from edge_agent.cli.screen import Screen
from edge_agent.errors import EdgeAgentError
from edge_agent.language.models import bundled_sha256, manifest, models_dir, verify

EXAMPLE = "edge-agent models list\nedge-agent models verify\nedge-agent models verify greenhouse.gguf"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `models` takes."""
    parser.add_argument("what", choices=("list", "verify"))
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="verify these, of your own, instead")


def run(options: argparse.Namespace, screen: Screen) -> Exit:
    """Show the manifest, or check each of its files against it; or check files that no manifest knows."""
    if options.files and options.what == "verify":
        return _verify_own(options.files, screen)
    end = Exit.OK
    rows = []
    for model in manifest().models:
        path = models_dir() / model.file
        state = "at hand" if path.is_file() else "missing"
        if options.what == "verify":
            try:
                verify(path, model.sha256)
                state = "bytes as published"
            except EdgeAgentError as error:
                screen.error(error)
                state, end = error.code.value, exit_of_error(error)
        size = f"{model.bytes / 1e6:.1f} MB"
        rows.append((model.name, f"{model.parameters / 1e6:.1f} M", model.quantization, size, model.licence, state))
        screen.record({"name": model.name, "file": str(path), "sha256": model.sha256, "state": state})
    screen.table(("model", "parameters", "format", "size", "licence", "state"), rows, right=frozenset({1, 3}))
    return end


def _verify_own(files: list[Path], screen: Screen) -> Exit:
    """Whether each file is a whole GGUF that the engine takes, and its digest for the settings (`[model] sha256`)."""
    end = Exit.OK
    for path in files:
        try:
            verify(path, bundled_sha256(path))
            sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
            screen.line((str(path), "bold"), "  whole  ", (f"sha256 {sha256}", "dim"))
            screen.record({"file": str(path), "sha256": sha256, "state": "whole"})
        except EdgeAgentError as error:
            screen.error(error)
            screen.record({"file": str(path), "state": error.code.value})
            end = exit_of_error(error)
    return end
