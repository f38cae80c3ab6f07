"""Sound to words for measuring: a file as one push-to-talk utterance, through the node's own ear and recogniser.

Decides how long that took and what came of it: a transcript, or the code by which the ear or the recogniser refused.
A file that cannot be read is AUDIO_INVALID. Noise is mixed in here, before anything listens. Needs the `speech` extra,
and is imported only where there is sound.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from edge_agent.clock import Clock
from edge_agent.errors import ClientFault
from edge_agent.evaluation.examples import Example
from edge_agent.evaluation.heard import Heard
from edge_agent.evaluation.noises import Noises
from edge_agent.packs.base import Pack
from edge_agent.speech.audio import PcmFormat, Samples, duration_ms, samples_of
from edge_agent.speech.ear import Ear
from edge_agent.speech.events import EarEvent, SpeechDropped, SpeechHeard
from edge_agent.speech.files import read_audio
from edge_agent.speech.recognition import Recogniser, Utterance
from edge_agent.speech.silero import SileroModel
from edge_agent.speech.wording import lexicon_of
from edge_agent.world.store import World

PORTION_SAMPLES: Final = 1_024
"""The sound comes in portions of 64 ms, as from a microphone."""


class Hearer:
    """A recogniser that has learnt the packs and worlds of the examples as they come."""

    def __init__(
        self, recogniser: Recogniser, packs: Mapping[str, Pack], clock: Clock, noises: Noises, *, ttl_ms: float
    ) -> None:
        self._recogniser = recogniser
        self._packs = packs
        self._clock = clock
        self._noises = noises
        self._ttl_ms = ttl_ms
        self._voice_activity = SileroModel()
        self._prepared: dict[str, str] = {}
        """The world that is known of a pack."""

    def hear(self, example: Example, snr_db: float | None = None) -> Heard:
        """What is said in an example's file, with noise at this ratio or as it was recorded.

        Raises:
            ConfigurationFault: AUDIO_INVALID.
            NodeFault: SPEECH_UNAVAILABLE.
        """
        assert example.audio is not None
        samples = read_audio(example.audio)
        if snr_db is not None:
            samples = self._noises.under(samples, example.id, snr_db)
        self._prepare(example)
        deadline_ms = self._clock.now_ms() + duration_ms(samples) + self._ttl_ms
        return listen(
            self._recogniser,
            example.pack,
            samples,
            self._clock,
            deadline_ms=deadline_ms,
            voice_activity=self._voice_activity,
        )

    def _prepare(self, example: Example) -> None:
        if self._prepared.get(example.pack) != example.world_key:
            self._recogniser.prepare(lexicon_of(self._packs[example.pack], World.of(example.world)))
            self._prepared[example.pack] = example.world_key


def listen(
    recogniser: Recogniser,
    pack: str,
    samples: Samples,
    clock: Clock,
    *,
    deadline_ms: float,
    voice_activity: SileroModel | None = None,
) -> Heard:
    """What a recogniser that is prepared for a pack hears in a whole recording, by the deadline.

    Raises:
        NodeFault: SPEECH_UNAVAILABLE.
    """
    ear = Ear(PcmFormat(), mode="push_to_talk", model=voice_activity)
    utterance = recogniser.begin(pack)
    transcript, refusal, why = None, None, ""
    began_ms = last_ms = clock.now_ms()
    try:
        for begin in range(0, len(samples), PORTION_SAMPLES):
            _feed(utterance, ear.hear(samples[begin : begin + PORTION_SAMPLES].tobytes()))
        last_ms = clock.now_ms()
        _feed(utterance, ear.finish())
        transcript = utterance.transcript(deadline_ms)
    except ClientFault as problem:
        refusal, why = problem.code, problem.message
    finally:
        utterance.close()
    ended_ms = clock.now_ms()
    return Heard(duration_ms(samples), ended_ms - began_ms, ended_ms - last_ms, transcript, refusal, why)


def _feed(utterance: Utterance, events: list[EarEvent]) -> None:
    for event in events:
        if isinstance(event, SpeechHeard):
            utterance.feed(samples_of(event.pcm))
        elif isinstance(event, SpeechDropped):
            raise ClientFault(event.code, event.message)
