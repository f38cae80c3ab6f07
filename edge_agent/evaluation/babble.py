"""Voices for a café: people who talk about anything but commands, spoken by espeak-ng.

Decides who talks and about what; the sentences were written for this. Where there is no espeak-ng there are no voices,
and a babble is made of murmurs.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from edge_agent.errors import EdgeAgentError
from edge_agent.evaluation.noises import Wave
from edge_agent.speech.audio import to_wave

TALK: Final[tuple[tuple[str, str, int], ...]] = (
    ("en-us", "My sister moved to the coast last spring, and she says the winters there are milder than ours.", 170),
    ("en", "They were sitting by the window for an hour before anybody noticed that the clock had stopped.", 185),
    ("en-us+f3", "I never finished that book, because the second chapter was all about somebody's grandfather.", 175),
    ("en+f2", "We should have booked earlier, the whole train was full of people with skis and small dogs.", 190),
    ("en-us+m4", "He told me the meeting was about the budget, but nobody had brought any of the numbers.", 160),
    ("en+m5", "Her neighbour grows tomatoes on the roof, and gives half of them to the school kitchen.", 180),
    ("en-us+f5", "It rained on Saturday, so the children painted the fence a colour that nobody had chosen.", 195),
    ("en+m7", "There was a queue right round the corner, and it turned out to be for a pair of shoes.", 165),
)
"""Voice, sentence, words a minute."""


@cache
def voices() -> tuple[Wave, ...]:
    """The talkers, one recording each; none where espeak-ng is not installed."""
    try:
        from edge_agent.speech.espeak import speak  # noqa: PLC0415 - a library of its own, where there is one

        return tuple(to_wave(speak(text, voice, rate)) for voice, text, rate in TALK)
    except (ImportError, EdgeAgentError):
        return ()
