"""Which grammars have been proven with this build and this vocabulary, remembered across restarts.

Decides that a proof holds for exactly what was tried (every grammar and every answer), with the same build of
llama.cpp, the same version of llguidance and the same model file; anything else is tried again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from edge_agent.language.kept import Kept, NotKept
from edge_agent.language.wire import JsonObject


def proof_of(kept: Kept | NotKept, trials: Sequence[JsonObject]) -> Path | None:
    """The file that says that these trials came out right; None where nothing is kept."""
    if isinstance(kept, NotKept):
        return None
    tried = json.dumps([kept.origin, version("llguidance"), list(trials)], sort_keys=True).encode()
    return kept.folder / f"{hashlib.sha256(tried).hexdigest()[:32]}.proof"


def remember(proof: Path | None, count: int) -> None:
    """These trials came out right; a disk that takes nothing costs the next start some time."""
    if proof is not None:
        with suppress(OSError):
            proof.write_text(str(count), encoding="ascii")


def proven(proof: Path | None) -> int:
    """How many answers were tried when this was proven; 0 when it was not."""
    if proof is None:
        return 0
    with suppress(OSError, ValueError):
        return int(proof.read_text(encoding="ascii"))
    return 0
