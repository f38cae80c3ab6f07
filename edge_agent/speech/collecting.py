"""An utterance for a recogniser that hears it as a whole: collected while it is spoken, read when it is asked for.

Decides that equal sound is read once: asking again without new samples is free, a refusal included. Refuses an
utterance without sound (NO_SPEECH). Pure: how it is read is handed in.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edge_agent.errors import ClientFault, Code
from edge_agent.speech.audio import Samples
from edge_agent.speech.recognition import Transcript

Read = Callable[[Samples, float], Transcript]
"""Reads samples by a deadline in milliseconds, or raises."""


class CollectedUtterance:
    """Fills the port `recognition.Utterance`."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._fed: list[Samples] = []
        self._outcome: Transcript | ClientFault | None = None

    def feed(self, samples: Samples) -> None:
        """The next samples."""
        if len(samples):
            self._fed.append(samples.copy())
            self._outcome = None

    def transcript(self, deadline_ms: float) -> Transcript:
        """The reading of everything fed so far.

        Raises:
            ClientFault: NO_SPEECH without sound, and whatever the reading raises.
            NodeFault: whatever the reading raises.
        """
        if not self._fed:
            raise ClientFault(Code.NO_SPEECH, "there is no sound; say it again")
        if self._outcome is None:
            try:
                self._outcome = self._read(np.concatenate(self._fed), deadline_ms)
            except ClientFault as fault:
                if fault.code is Code.EXPIRED:  # the sound was not read
                    raise
                self._outcome = fault
        if isinstance(self._outcome, ClientFault):
            raise ClientFault(self._outcome.code, self._outcome.message)
        return self._outcome

    def close(self) -> None:
        """Let go of the samples."""
        self._fed.clear()
        self._outcome = None
