"""One child process: a fresh interpreter, nothing forked, nothing inherited but one socket, no keys in its environment.

Started from a thread that outlives it: the kernel kills a child (see `mortal`) when the thread that started it ends.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Mapping
from typing import BinaryIO, Final

_LAST_WORDS_BYTES: Final = 400
_ENVIRONMENT: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
_ENVIRONMENT_PREFIXES: Final = ("CUDA_", "NVIDIA_", "GGML_", "OMP_")

_QUIET: Final = {"ORT_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_OFFLINE": "1"}
"""Libraries that would report to their makers, or ask a hub, are told not to; nothing leaves this machine."""


class Spawned:
    """A running child; `socket` is this side's end, to be taken over by whoever speaks to it."""

    def __init__(self, process: subprocess.Popen[bytes], ours: socket.socket, errors: BinaryIO) -> None:
        self._process = process
        self._errors = errors
        weakref.finalize(self, errors.close)
        self.socket = ours

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        """End the process at once; its end of the socket is closed with it by the kernel."""
        self._process.kill()

    def wait(self) -> int:
        """Wait for the end; minus the signal's number, or the exit status."""
        return self._process.wait()

    def last_words(self) -> str:
        """The end of what the process wrote to its standard error: a failed assertion of native code, a traceback."""
        self._errors.seek(max(0, self._errors.seek(0, os.SEEK_END) - _LAST_WORDS_BYTES))
        return " ".join(self._errors.read().decode("utf-8", "replace").split())


def spawn(module: str, *, environment: Mapping[str, str] | None = None, inherit: tuple[str, ...] = ()) -> Spawned:
    """Start `python -m MODULE SOCKET PARENT`: the descriptor of its end of the socket, and our process id.

    `environment` is set on top of the little that every child gets; `inherit` names further variables, or prefixes of
    them, that this child needs of ours.

    Raises:
        OSError: no process or no socket can be had.
    """
    ours, theirs = socket.socketpair()
    errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the child
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", module, str(theirs.fileno()), str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env={**_inherited(inherit), **(environment or {})},
            pass_fds=(theirs.fileno(),),
        )
    return Spawned(process, ours, errors)


def _inherited(further: tuple[str, ...]) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _ENVIRONMENT or name.startswith(_ENVIRONMENT_PREFIXES + further)
    }
    return {**kept, **_QUIET, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
