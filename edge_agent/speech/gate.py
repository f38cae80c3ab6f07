"""What Whisper made up: readings of silence, of noise, of its own bias, or of nothing but a loop.

Decides whether a reading is believed. faster-whisper itself drops silence only where no-speech is likely *and* the
words are unlikely; here either is enough, since a command that was never given costs more than one that is repeated.
What is held is NO_SPEECH (nobody spoke) or LOW_CONFIDENCE (somebody may have). A cry of stop is never held, however
doubtful it is: hearing one too many costs a resume. Refuses nothing. Pure, without the model.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

from edge_agent.errors import Code

NO_SPEECH_MAX: Final = 0.6
"""More likely than this that nobody spoke. Whisper's own threshold."""
LOG_PROBABILITY_MIN: Final = -1.0
"""Mean natural logarithm of a token's probability. Whisper's own threshold."""
COMPRESSION_RATIO_MAX: Final = 2.4
"""Bytes to zlib's bytes. Whisper's own threshold; a sentence that was said once stays below 1.5."""
CHARS_PER_SECOND_MAX: Final = 35.0
"""Letters and spaces. Talk has about 15, an auctioneer 30."""
CHARS_FREE: Final = 8
"""Letters for which the sound may be as short as it likes: cutting is not exact."""
REPEATS_MAX: Final = {1: 5, 2: 4, 3: 3}
"""How often the same words may follow each other, by how many words they are; longer ones as three."""
ECHO_NAMES_MIN: Final = 4
"""Names in the bias's own order that are no chance; two or three may be a list that somebody reads out."""
ECHO_SHARE_MIN: Final = 0.6
"""Share of the reading that these names are."""

_CREDITS: Final = re.compile(
    r"\b(?:(?:thank you|thanks)(?: \w+){0,3} (?:for|from) (?:watching|viewing|listening)"
    r"|(?:subtitles|subtitled|captions|captioned|transcription|transcribed|translation|translated) by"
    r"|amara org|(?:like|likes) (?:and|or) subscribe|subscribe to (?:my|our|the|this) channel"
    r"|see you (?:\w+ ){0,2}(?:in|on) (?:the|my|our) next (?:video|one|episode)"
    r"|all rights reserved)\b"
)
"""From the subtitles that Whisper learned from: nobody says them to a machine that does not film."""
_SIGHS: Final = frozenset(
    re.split(
        r",\s*",
        "you, thank you, thank you very much, thank you so much, thanks, bye, bye bye, goodbye, the end, the, a, i, "
        "so, and, oh, ah, uh, um, hm, hmm, mm, mhm, huh, applause, laughter, foreign, subscribe, please subscribe",
    )
)
"""What it writes for a breath, a hum or a knock. Not here: yes, no, okay, which answer a question, nor anything that a
pack's phrases say alone."""
_STOP: Final = re.compile(
    r"^(?:(?:please|hey|oh|no|okay|ok|whoa|wait|just|now|robot|machine) )*(?:s+t+o+p+|h+a+l+t+)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading as the model gave it.

    `text` is normalised. `no_speech` is 0 to 1; `log_probability` the mean per token, 0 at most; `duration_ms` the
    length of the sound; `bias` the hotwords in the order in which the model was given them; `is_cut` whether the text
    was ended because it grew too long for its sound.
    """

    text: str
    no_speech: float
    log_probability: float
    duration_ms: float
    bias: Sequence[str] = ()
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a reading is not believed, in words for a person."""

    code: Code
    why: str


def doubt_about(reading: Reading) -> Doubt | None:
    """Why this reading is held back; None where it is believed or cries stop."""
    if is_cry(reading.text):
        return None
    if not reading.text:
        return Doubt(Code.NO_SPEECH, "no words were heard")
    if not reading.no_speech <= NO_SPEECH_MAX:  # NaN is held, too
        return Doubt(Code.NO_SPEECH, f"probably nobody spoke ({reading.no_speech:.2f})")
    if reading.text in _SIGHS or _CREDITS.search(reading.text):
        return Doubt(Code.NO_SPEECH, "this is what the model writes when nobody speaks")
    if echoes(reading.text, reading.bias):
        return Doubt(Code.NO_SPEECH, "these are the names that the model was given, in their order")
    if loops(reading.text):
        return Doubt(Code.LOW_CONFIDENCE, "the same words come again and again")
    if reading.is_cut or is_too_fast(reading.text, reading.duration_ms):
        seconds = reading.duration_ms / 1_000
        return Doubt(Code.LOW_CONFIDENCE, f"nobody says that much in {seconds:.1f} seconds")
    if not reading.log_probability >= LOG_PROBABILITY_MIN:
        return Doubt(Code.LOW_CONFIDENCE, "the words are unlikely; say it again, nearer to the microphone")
    return None


def is_cry(text: str) -> bool:
    """Whether a text begins with a cry of stop, a call or a courtesy before it aside."""
    return _STOP.match(text) is not None


def loops(text: str) -> bool:
    """Whether a text repeats itself as no person does."""
    words = text.split()
    return _compression_ratio(text) > COMPRESSION_RATIO_MAX or any(
        _repeats(words, size) > REPEATS_MAX[min(size, max(REPEATS_MAX))] for size in range(1, len(words) // 2 + 1)
    )


def echoes(text: str, bias: Sequence[str]) -> bool:
    """Whether a text is mostly a stretch of the bias, in its order."""
    words = text.split()
    given = [(word, place) for place, name in enumerate(bias) for word in name.split()]
    matcher = SequenceMatcher(None, words, [word for word, _ in given], autojunk=False)
    match = matcher.find_longest_match()
    whole = {place for _, place in given[match.b : match.b + match.size]}
    return len(whole) >= ECHO_NAMES_MIN and match.size >= ECHO_SHARE_MIN * len(words)


def is_too_fast(text: str, duration_ms: float) -> bool:
    """Whether nobody can say this text in the time of its sound."""
    return (len(text) - CHARS_FREE) * 1_000 > CHARS_PER_SECOND_MAX * duration_ms


def _compression_ratio(text: str) -> float:
    data = text.encode()
    return len(data) / len(zlib.compress(data))


def _repeats(words: Sequence[str], size: int) -> int:
    """How often at most the same `size` words stand one behind the other."""
    most = run = 0
    for place in range(size, len(words)):
        run = run + 1 if words[place] == words[place - size] else 0
        most = max(most, run)
    return 1 + most // size
