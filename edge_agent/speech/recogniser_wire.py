"""What passes between the node and the recogniser's process, both ways, one JSON header a frame, sound beside it.

To the process: `load` first; `prepare` a pack's lexicon; then of each utterance `begin`, `feed` (with sound),
`transcript` (asks for the words so far; `ask` names the question), `close`. Back: `ready`, `prepared`, and one answer
for each question. The node trusts none of it: what is not exactly as expected is a `BadFrame`, which ends the process.
"""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any, Final

from edge_agent import limits
from edge_agent.errors import EdgeAgentError
from edge_agent.processes.faults import read_fault
from edge_agent.processes.frames import BadFrame, JsonObject
from edge_agent.speech.recognition import Lexicon, Transcript, Word

_TEXT_CHARS_MAX: Final = 4_000


def lexicon_object(lexicon: Lexicon) -> JsonObject:
    """A lexicon as JSON."""
    return {
        "pack": lexicon.pack,
        "sentences": list(lexicon.sentences),
        "names": {name: list(words) for name, words in lexicon.names.items()},
        "digest": lexicon.digest,
    }


def read_lexicon(message: JsonObject) -> Lexicon:
    """A lexicon as the recogniser's process reads it; the node is trusted there."""
    names = {str(name): tuple(words) for name, words in message["names"].items()}
    return Lexicon(str(message["pack"]), tuple(message["sentences"]), names, str(message["digest"]))


def transcript_object(transcript: Transcript) -> JsonObject:
    """A transcript as JSON."""
    return asdict(transcript)


def read_transcript(message: Any) -> Transcript:
    """A transcript, with every field of its own type and within its limits.

    Raises:
        BadFrame: it is none.
    """
    if not isinstance(message, dict) or set(message) != {field.name for field in fields(Transcript)}:
        raise BadFrame("no transcript")
    alternatives, words = message["alternatives"], message["words"]
    if not isinstance(alternatives, list) or not isinstance(words, list):
        raise BadFrame("a transcript with a wrong field")
    return Transcript(
        text=_text(message["text"]),
        confidence=_share(message["confidence"]),
        alternatives=tuple(_text(one) for one in alternatives[: limits.ALTERNATIVES_MAX]),
        no_speech=_share(message["no_speech"]),
        words=tuple(_word(one) for one in words),
    )


def read_answer(header: JsonObject) -> tuple[int, Transcript | EdgeAgentError]:
    """The answer to a question: its number, and what was heard or why nothing was.

    Raises:
        BadFrame: it is none.
    """
    match header:
        case {"ask": int(ask), "result": result}:
            return ask, read_transcript(result)
        case {"ask": int(ask), "error": error}:
            fault = read_fault(error)
            if fault is not None:
                return ask, fault
    raise BadFrame("no answer")


def _word(message: Any) -> Word:
    match message:
        case {"text": text, "begin_ms": float(begin_ms), "end_ms": float(end_ms), "confidence": confidence}:
            return Word(_text(text), begin_ms, end_ms, _share(confidence))
    raise BadFrame("a word with a wrong field")


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _TEXT_CHARS_MAX:
        raise BadFrame("words that are none")
    return value


def _share(value: Any) -> float:
    if not isinstance(value, float) or not 0.0 <= value <= 1.0:
        raise BadFrame("a probability that is none")
    return value
