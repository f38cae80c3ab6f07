"""Which recogniser listens: an embedded one that needs no download, or a Whisper model where there is one.

Decides by plain values, imports only the one that was chosen, and refuses (SPEECH_UNAVAILABLE) where its library is not
installed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from edge_agent.errors import Code, ConfigurationFault
from edge_agent.speech.recognition import Recogniser


@dataclass(frozen=True, slots=True)
class Choice:
    """A recogniser and how it is run. Plain values, so that it can be handed to another process.

    `model` is Whisper's folder, `sha256` what its files must be, by name (nothing is checked where it is empty).
    """

    name: Literal["sphinx", "whisper"] = "sphinx"
    model: str = ""
    sha256: Mapping[str, str] = field(default_factory=dict)
    language: str = "en"
    device: str = "auto"
    compute_type: str | None = None
    n_threads: int = 1

    def to_object(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "sha256": dict(self.sha256)}


def recogniser_of(choice: Choice) -> Recogniser:
    """The chosen recogniser, loaded.

    Raises:
        ConfigurationFault: the MODEL_ codes for the files' own faults, SPEECH_UNAVAILABLE where a library is missing.
    """
    try:
        if choice.name == "whisper":
            from edge_agent.speech.whisper import WhisperRecogniser  # noqa: PLC0415 - a heavy library, when chosen

            recogniser: Recogniser = WhisperRecogniser(
                Path(choice.model),
                files=choice.sha256,
                language=choice.language,
                device=choice.device,
                compute_type=choice.compute_type,
                threads=choice.n_threads,
            )
            return recogniser
        from edge_agent.speech.sphinx import SphinxRecogniser  # noqa: PLC0415 - likewise
    except ImportError as problem:
        raise ConfigurationFault(
            Code.SPEECH_UNAVAILABLE, f"{problem.name} is not installed; pip install 'edge-agent[speech]'"
        ) from problem
    return SphinxRecogniser()
