"""llama.cpp's own word on a model, asked in a process of its own: a program that prints what llama.cpp logs.

    python planning_referee.py quantize FILE FILE_TYPE …            which type each tensor would get
    python planning_referee.py reserve FILE NAME=VALUE,NAME=VALUE … what contexts of these parameters take

With no_alloc=1 in the first context's parameters the file's weights are not read, and memory is counted only.
"""

from __future__ import annotations

import ctypes
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import llama_cpp

MIB = 1 << 20


def types_by_llama_cpp(path: Path, file_types: Sequence[int]) -> list[dict[str, str]]:
    """The type that llama.cpp's quantizer would give each tensor of a file, by name, for each kind of file."""
    line = re.compile(r"\] +(\S+) +- \[[^\]]*\], type = +(\w+), size = [^\n]*?(?:-> [^\n]*\((\w+)\))?\n")
    logs = _asked("quantize", path, [str(number) for number in file_types])
    return [{one[1]: (one[3] or one[2]).upper() for one in line.finditer(log)} for log in logs]


def reserved_by_llama_cpp(path: Path, *contexts: dict[str, int]) -> list[dict[str, float]]:
    """MiB of the cache and of the room to compute in that llama.cpp reserves for each context, and its cells."""
    words = [",".join(f"{name}={value}" for name, value in context.items()) for context in contexts]
    return [_reserved(log) for log in _asked("reserve", path, words)]


def _reserved(log: str) -> dict[str, float]:
    cache = re.search(r"size = +([\d.]+) MiB \( *(\d+) cells", log)
    compute = re.search(r"compute buffer size = +([\d.]+) MiB", log)
    assert cache is not None, log[-2_000:]
    assert compute is not None, log[-2_000:]
    return {"cache": float(cache[1]), "cells": float(cache[2]), "compute": float(compute[1])}


def _asked(what: str, path: Path, words: list[str]) -> list[str]:
    asked = [sys.executable, __file__, what, str(path), *words]
    with tempfile.TemporaryFile() as said:  # a pipe holds less than this, and a write to it may end half way
        done = subprocess.run(asked, stdout=said, stderr=subprocess.PIPE, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr[-2_000:]
        said.seek(0)
        logs: list[str] = json.load(said)
    return logs


def main(what: str, path: str, *words: str) -> None:
    """Ask one thing after the other, and print a list of the logs."""
    lines: list[str] = []

    def hear(_level: int, text: bytes, _data: Any) -> None:
        lines.append(text.decode("utf-8", "replace"))

    heard = llama_cpp.llama_log_callback(hear)
    llama_cpp.llama_log_set(heard, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    logs = []
    model = None if what == "quantize" else _load(path, no_alloc="no_alloc=1" in words[0])
    for word in words:
        lines.clear()
        if model is None:
            _quantize(path, int(word))
        else:
            _reserve(model, dict(pair.split("=") for pair in word.split(",") if pair != "no_alloc=1"))
        logs.append("".join(lines))
    print(json.dumps(logs))


def _quantize(path: str, file_type: int) -> None:
    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.ftype, parameters.dry_run = file_type, True
    assert llama_cpp.llama_model_quantize(path.encode(), b"nowhere.gguf", ctypes.byref(parameters)) == 0


def _load(path: str, *, no_alloc: bool) -> Any:
    parameters = llama_cpp.llama_model_default_params()
    parameters.no_alloc = no_alloc
    parameters.load_mode = llama_cpp.LLAMA_LOAD_MODE_NONE
    parameters.use_extra_bufts = False
    model = llama_cpp.llama_model_load_from_file(path.encode(), parameters)
    assert model
    return model


def _reserve(model: Any, wanted: dict[str, str]) -> None:
    parameters = llama_cpp.llama_context_default_params()
    for name, value in wanted.items():
        setattr(parameters, name, int(value))
    context = llama_cpp.llama_init_from_model(model, parameters)
    assert context
    llama_cpp.llama_free(context)


if __name__ == "__main__":
    main(*sys.argv[1:])
