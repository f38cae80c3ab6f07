"""How likely it is that somebody speaks, by Silero VAD under onnxruntime.

Decides nothing: a probability for each window of 32 ms. The model is the one that lies in the faster-whisper package;
it is found without importing that package, which loads a recogniser's libraries. Refuses a missing or changed model
(SPEECH_UNAVAILABLE). Runs native code: it lives in the ear's process.
"""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi.onnxruntime_pybind11_state import (
    Fail,
    InvalidArgument,
    InvalidGraph,
    InvalidProtobuf,
    NoSuchFile,
    NotImplemented,
    RuntimeException,
)

from edge_agent.errors import Code, NodeFault
from edge_agent.speech.audio import RATE_HZ

WINDOW_SAMPLES: Final = 512
"""Samples judged at a time."""
WINDOW_MS: Final = 1_000.0 * WINDOW_SAMPLES / RATE_HZ
_CONTEXT_SAMPLES: Final = 64
"""The end of the window before, which the model sees as well."""
_STATE_SHAPE: Final = (1, 1, 128)
_FILE: Final = Path("assets", "silero_vad_v6.onnx")
_FAILURES: Final = (Fail, InvalidArgument, InvalidGraph, InvalidProtobuf, NoSuchFile, NotImplemented, RuntimeException)
"""onnxruntime has no common ancestor for what it raises."""


class SileroModel:
    """The loaded network: it has no state, any number of streams use it in turn."""

    def __init__(self) -> None:
        """Load it.

        Raises:
            NodeFault: SPEECH_UNAVAILABLE.
        """
        path = model_path()
        options = onnxruntime.SessionOptions()
        # 32 ms of sound take a fraction of a millisecond: more threads would only wait for one another
        options.inter_op_num_threads = options.intra_op_num_threads = 1
        options.log_severity_level = 4
        try:
            data = path.read_bytes()
            self._session: Any = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        except (*_FAILURES, OSError) as problem:
            raise NodeFault(
                Code.SPEECH_UNAVAILABLE, f"Silero VAD cannot be loaded ({problem}): install faster-whisper anew"
            ) from problem
        self.sha256 = hashlib.sha256(data).hexdigest()

    def judged(
        self, window: NDArray[np.float32], h: NDArray[np.float32], c: NDArray[np.float32]
    ) -> tuple[float, NDArray[np.float32], NDArray[np.float32]]:
        """One window with its context, shape (1, 576), and the state before it; the probability and the state after.

        Raises:
            NodeFault: SPEECH_UNAVAILABLE.
        """
        try:
            probability, h, c = self._session.run(None, {"input": window, "h": h, "c": c})
        except _FAILURES as problem:
            raise NodeFault(Code.SPEECH_UNAVAILABLE, f"Silero VAD failed ({problem})") from problem
        return float(probability[0]), h, c


class SileroStream:
    """One stream's judge of speech: it remembers what it heard."""

    def __init__(self, model: SileroModel) -> None:
        self._model = model
        self._input = np.zeros((1, _CONTEXT_SAMPLES + WINDOW_SAMPLES), np.float32)
        self.reset()

    def reset(self) -> None:
        """Forget everything: what follows does not join on to what was heard."""
        self._input.fill(0.0)
        self.refresh()

    def refresh(self) -> None:
        """Forget what was heard, but listen on without a break.

        Of a minute of noise the network's memory fills, and speech after it looks like more of it.
        """
        self._h = np.zeros(_STATE_SHAPE, np.float32)
        self._c = np.zeros(_STATE_SHAPE, np.float32)

    def probability(self, window: NDArray[np.float32]) -> float:
        """How likely the next window is speech, 0 to 1; shape (512,), 16 kHz, ±1 full scale; the last may be shorter.

        Raises:
            NodeFault: SPEECH_UNAVAILABLE.
        """
        self._input[0, :_CONTEXT_SAMPLES] = self._input[0, -_CONTEXT_SAMPLES:]
        self._input[0, _CONTEXT_SAMPLES : _CONTEXT_SAMPLES + len(window)] = window
        self._input[0, _CONTEXT_SAMPLES + len(window) :] = 0.0
        probability, self._h, self._c = self._model.judged(self._input, self._h, self._c)
        return probability


def model_path() -> Path:
    """Where the model lies.

    Raises:
        NodeFault: SPEECH_UNAVAILABLE.
    """
    package = importlib.util.find_spec("faster_whisper")
    for folder in (package.submodule_search_locations or ()) if package else ():
        path = Path(folder) / _FILE
        if path.is_file():
            return path
    raise NodeFault(
        Code.SPEECH_UNAVAILABLE, f"no {_FILE.name}: install the speech extra, pip install 'edge-agent[speech]'"
    )
