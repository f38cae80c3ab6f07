"""How sure the trained layers are that a stop word has just ended, from the last embeddings. Pure.

Two layers of weights, made by `python -m edge_agent.training.stopword`. Refuses a file that is no such thing, or was
made for other words (SPEECH_UNAVAILABLE).
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_agent.errors import Code, NodeFault

WORDS: Final = ("stop", "halt", "freeze")
"""The words that can be spotted."""
HISTORY: Final = (0, 2, 4, 8)
"""Which embeddings are seen: so many steps before the newest."""
STEPS: Final = HISTORY[-1] + 1
SHIPPED: Final = Path(__file__).parent / "data" / "stop_words.npz"

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class KeywordHead:
    """The weights. Inputs are shifted and scaled, then two layers."""

    shift: Floats
    scale: Floats
    first: Floats
    first_bias: Floats
    second: Floats
    second_bias: Floats
    digest: str = ""

    def judged(self, embeddings: Floats) -> Floats:
        """How likely each of WORDS has just ended, shape (3,), from the last STEPS embeddings, shape (9, 96)."""
        seen = embeddings[[-1 - back for back in HISTORY]].reshape(-1)
        hidden = np.maximum(((seen - self.shift) * self.scale) @ self.first + self.first_bias, 0.0)
        logits = hidden @ self.second + self.second_bias
        raised = np.exp(logits - logits.max())
        likely: Floats = (raised / raised.sum())[1:].astype(np.float32)
        return likely


_SHAPED: Final = ("shift", "scale", "first", "first_bias", "second", "second_bias")


def load_head(path: Path = SHIPPED) -> KeywordHead:
    """The trained layers.

    Raises:
        NodeFault: SPEECH_UNAVAILABLE.
    """
    try:
        data = path.read_bytes()
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            parts = {name: file[name].astype(np.float32) for name in _SHAPED}
            words = tuple(file["words"].tolist())
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as problem:
        raise _useless(path, str(problem)) from problem
    if words != WORDS or parts["second"].shape[1:] != (len(WORDS) + 1,):
        raise _useless(path, f"it knows {words}")
    return KeywordHead(**parts, digest=sha256(data).hexdigest())


def save_head(path: Path, head: KeywordHead) -> None:
    """Write the layers; equal layers give equal bytes."""
    arrays = {name: np.asarray(getattr(head, name), np.float16) for name in _SHAPED}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, array in (*arrays.items(), ("words", np.array(WORDS))):
            content = io.BytesIO()
            np.save(content, array, allow_pickle=False)
            file.writestr(zipfile.ZipInfo(f"{name}.npy"), content.getvalue(), zipfile.ZIP_DEFLATED)


def _useless(path: Path, why: str) -> NodeFault:
    return NodeFault(Code.SPEECH_UNAVAILABLE, f"{path.name} is of no use ({why}): install edge-agent anew")
