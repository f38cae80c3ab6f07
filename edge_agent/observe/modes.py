"""The names of everything that a node can be without and go on: stable, and each with what that leaves.

Names are part of the wire contract, like error codes: they are added, never renamed. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Mode(StrEnum):
    """One way of being less than whole."""

    NO_JOURNAL = "no_journal"
    JOURNAL_IN_DOUBT = "journal_in_doubt"
    STOP_ONLY = "stop_only"
    NO_MODEL = "no_model"
    NO_LOCAL_MODEL = "no_local_model"
    NO_REMOTE = "no_remote"
    NO_DRAFTS = "no_drafts"
    NO_SPEECH = "no_speech"
    NO_SPOKEN_STOP = "no_spoken_stop"
    NO_MICROPHONE = "no_microphone"
    NO_GATEKEEPER = "no_gatekeeper"
    NO_METRICS = "no_metrics"
    HOT = "hot"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a mode comes to. `ready`: whether commands are still carried out."""

    ready: bool
    works: str
    lacks: str
    """What does not work, and what happens instead."""


MEANINGS: Final[dict[Mode, Meaning]] = {
    Mode.NO_JOURNAL: Meaning(
        False,
        "stops, the bus, snapshots; what happens anyway is owed to the disk and written first when it takes it",
        "commands, confirmations and resume are JOURNAL_UNAVAILABLE; nothing new is sent to a robot",
    ),
    Mode.JOURNAL_IN_DOUBT: Meaning(
        True,
        "everything, once the stop that was latched for it is released",
        "it was damaged and set aside, or lost its end: earlier requests may be new to it; holds until the next start",
    ),
    Mode.STOP_ONLY: Meaning(
        False,
        "stops, the bus, snapshots, resume",
        "commands are STOPPED until somebody has looked at the journal and released the stop by its id",
    ),
    Mode.NO_MODEL: Meaning(
        False,
        "stops, actions that were answered before, reports, confirmations",
        "commands fail with ENGINE_UNAVAILABLE, or wait for an engine that is starting while their time lasts",
    ),
    Mode.NO_LOCAL_MODEL: Meaning(
        True,
        "everything, through the remote engine",
        "nothing stands behind the remote engine: while that is away, too, the mode is no_model",
    ),
    Mode.NO_REMOTE: Meaning(
        True,
        "everything, with the local model where [remote] fallback is on",
        "the remote engine's answers",
    ),
    Mode.NO_DRAFTS: Meaning(
        True,
        "everything, with the same answers",
        "the large model answers without drafts, in more passes",
    ),
    Mode.NO_SPEECH: Meaning(
        True,
        "typed commands, stops by message or in written words",
        "sound is not read: streams get SPEECH_UNAVAILABLE or SPEECH_CRASHED until the process is back",
    ),
    Mode.NO_SPOKEN_STOP: Meaning(
        True,
        "everything else; a stop that is transcribed as a sentence stops",
        "no stop is known by its sound alone, so a spoken one takes as long as a command",
    ),
    Mode.NO_MICROPHONE: Meaning(
        True,
        "everything else, clients' sound among it",
        "one of this box's own microphones hears nothing; it is opened again when it is back",
    ),
    Mode.NO_GATEKEEPER: Meaning(
        True,
        "the local sockets; who came in over TCP before goes on",
        "nobody new gets in over TCP, or the file of keys cannot be read and the keys of before hold on",
    ),
    Mode.NO_METRICS: Meaning(
        True,
        "everything else; beats and snapshots say the same",
        "/metrics and /healthz cannot be served at their address; it is tried again",
    ),
    Mode.HOT: Meaning(
        True,
        "everything, perhaps slower: the machine may throttle itself",
        "nothing; it is a warning",
    ),
}


@dataclass(frozen=True, slots=True)
class Degraded:
    """One mode that holds now, and why, in words."""

    mode: Mode
    words: str

    def __str__(self) -> str:
        """As a snapshot has it: the name, a colon, the words."""
        return f"{self.mode}: {self.words}"
