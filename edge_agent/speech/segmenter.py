"""Where an utterance begins, where it may be over and where it is: a decider over windows of sound. Pure.

It sees no sound, only what is known of each window: when, how likely it is speech, how loud, how much of it is clipped.
It decides what counts as speech (two thresholds, so that a weak syllable does not end a word; a noise floor that it
learns, so that a distant radio does not count), reports a short silence at once and the end after a longer one.

It refuses what is not to be read: an utterance that is too long, clipped or has a hole is dropped, and so is all that
follows without a silence, for half of a sentence may mean the opposite of the whole. A mere click is dropped as well.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Final, Literal

from edge_agent.errors import Code, ConfigurationFault
from edge_agent.limits import UTTERANCE_MS_MAX
from edge_agent.speech.events import SpeechBegan, SpeechDropped, SpeechEnded, SpeechPaused, SpeechResumed

Mode = Literal["continuous", "push_to_talk"]
"""Cut where people pause; or take the whole stream, from its first sample to its end, as one utterance."""

Mark = SpeechBegan | SpeechPaused | SpeechResumed | SpeechEnded | SpeechDropped
"""What the segmenter tells: the ear's events without the sound."""

FLOOR_RISE_MS: Final = 3_000.0
FLOOR_FALL_MS: Final = 300.0
"""How fast the noise floor follows a hall that fills, and one that falls quiet."""
FLOOR_DB_MAX: Final = -30.0
"""However loud it is, whoever speaks up this loud is listened to."""


@dataclass(frozen=True, slots=True)
class SegmenterRules:
    """What counts as speech and how long a silence ends it."""

    begin_probability: float = 0.5
    """From here a window begins speech, or resumes it."""
    keep_probability: float = 0.35
    """From here it goes on."""
    pause_ms: float = 200.0
    """Silence after which the work is begun on what there is."""
    end_ms: float = 500.0
    """Silence after which it was all."""
    pre_roll_ms: float = 300.0
    """Sound before the first speech that belongs to it: soft consonants are known late."""
    speech_ms_min: float = 120.0
    """Less speech than this is a click. The shortest words, said fast, have four windows of 32 ms; most have seven."""
    length_ms_max: float = float(UTTERANCE_MS_MAX)
    level_db_min: float = -55.0
    """No speech begins with less, whatever it sounds like; dB below full scale."""
    above_floor_db: float = 3.0
    """Speech begins at least so far above the noise."""
    below_peak_db: float = 30.0
    """So far below an utterance's loudest window somebody else is speaking, further away."""
    clipped_share_max: float = 0.05
    """Share of full-scale samples in the speech of an utterance, above which its words are not to be trusted."""

    def __post_init__(self) -> None:
        """Rules that cannot work are refused.

        Raises:
            ConfigurationFault: SETTINGS_INVALID.
        """
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
                raise _wrong(field.name, "must be a number")
        if not 0.0 < self.keep_probability <= self.begin_probability < 1.0:
            raise _wrong("keep_probability", "must be above 0 and at most begin_probability, and that below 1")
        if not 0.0 < self.pause_ms <= self.end_ms < self.length_ms_max <= UTTERANCE_MS_MAX:
            raise _wrong("end_ms", f"must be at least pause_ms and below length_ms_max, at most {UTTERANCE_MS_MAX}")
        if not 0.0 <= self.pre_roll_ms <= 2_000.0:
            raise _wrong("pre_roll_ms", "must be between 0 and 2000")
        if not 0.0 <= self.clipped_share_max <= 1.0:
            raise _wrong("clipped_share_max", "must be between 0 and 1")

    @classmethod
    def of_object(cls, message: dict[str, Any]) -> SegmenterRules:
        """Rules from a JSON object; what it does not name is as it stands here.

        Raises:
            ConfigurationFault: SETTINGS_INVALID.
        """
        unknown = message.keys() - {field.name for field in fields(cls)}
        if unknown:
            raise _wrong(sorted(unknown)[0], "there is no such rule")
        return cls(**message)


@dataclass(frozen=True, slots=True)
class Window:
    """What is known of one stretch of sound."""

    begin_ms: float
    end_ms: float
    probability: float
    level_db: float
    clipped_share: float = 0.0


class State(StrEnum):
    """Where a stream stands."""

    QUIET = "quiet"
    SPEAKING = "speaking"
    PAUSED = "paused"
    SHUT = "shut"
    """What is said is not taken until it has been silent for a while."""
    OVER = "over"


class Turn(StrEnum):
    """What moves a stream from one state to another."""

    BEGIN = "begin"
    PAUSE = "pause"
    RESUME = "resume"
    CLOSE = "close"
    """The utterance ended, or was a click, and the silence lasted."""
    BREAK = "break"
    """What was said is dropped, and so is the rest of it."""
    HUSH = "hush"
    FINISH = "finish"


TRANSITIONS: Final[dict[State, dict[Turn, State]]] = {
    State.QUIET: {Turn.BEGIN: State.SPEAKING, Turn.BREAK: State.SHUT, Turn.FINISH: State.OVER},
    State.SPEAKING: {
        Turn.PAUSE: State.PAUSED,
        Turn.CLOSE: State.QUIET,
        Turn.BREAK: State.SHUT,
        Turn.FINISH: State.OVER,
    },
    State.PAUSED: {
        Turn.RESUME: State.SPEAKING,
        Turn.CLOSE: State.QUIET,
        Turn.BREAK: State.SHUT,
        Turn.FINISH: State.OVER,
    },
    State.SHUT: {Turn.HUSH: State.QUIET, Turn.BREAK: State.SHUT, Turn.FINISH: State.OVER},
    State.OVER: {},
}
"""Every legal turn; another is a mistake of ours."""


class NoiseFloor:
    """The level of what is not speech, learned from the windows in which nobody speaks."""

    def __init__(self, level_db: float) -> None:
        self.level_db = level_db

    def learn(self, window: Window) -> None:
        """One more such window."""
        slowness_ms = FLOOR_RISE_MS if window.level_db > self.level_db else FLOOR_FALL_MS
        share = min(1.0, (window.end_ms - window.begin_ms) / slowness_ms)
        self.level_db = min(FLOOR_DB_MAX, self.level_db + share * (window.level_db - self.level_db))


@dataclass(slots=True)
class _Utterance:
    """The utterance in hand."""

    number: int
    begin_ms: float
    last_ms: float
    """Where its last speech ended."""
    end_after_ms: float
    peak_db: float = -200.0
    speech_ms: float = 0.0
    clipped_ms: float = 0.0

    def take(self, window: Window) -> None:
        """A window of speech."""
        length_ms = window.end_ms - window.begin_ms
        self.last_ms = window.end_ms
        self.peak_db = max(self.peak_db, window.level_db)
        self.speech_ms += length_ms
        self.clipped_ms += length_ms * window.clipped_share


class Segmenter:
    """The cutting of one stream. Windows come in order and without overlap; marks come out."""

    def __init__(self, rules: SegmenterRules, mode: Mode = "continuous") -> None:
        self._rules = rules
        self._cuts = mode == "continuous"
        self._floor = NoiseFloor(rules.level_db_min - rules.above_floor_db)
        self._state = State.QUIET
        self._utterance: _Utterance | None = None
        self._utterances = 0
        self._hushed_ms = 0.0
        """Where the silence began that opens a shut stream."""

    @property
    def state(self) -> State:
        """Where the stream stands."""
        return self._state

    @property
    def utterance(self) -> int | None:
        """The number of the utterance in hand."""
        return self._utterance.number if self._utterance else None

    def window(self, window: Window) -> list[Mark]:
        """What the next window means."""
        match self._state:
            case State.QUIET if self._begins(window) or not self._cuts:
                return [*self._begun(window.begin_ms), *self._gone_on(window)]
            case State.QUIET:
                self._floor.learn(window)
            case State.SPEAKING | State.PAUSED:
                return self._gone_on(window)
            case State.SHUT:
                self._waited(window)
        return []

    def settle(self, now_ms: float, end_ms: float, paused_ms: float | None = None) -> list[Mark]:
        """What was said is complete and sure: this pause ends it after `end_ms`, at most as late as the rules say.

        It holds for this pause only; when speech goes on, so does the doubt. `paused_ms`, the `at_ms` of the pause that
        is meant, keeps a word that comes late from ending another. Never sooner than the pause itself.
        """
        utterance = self._utterance
        if self._state is not State.PAUSED or not utterance or paused_ms not in (None, utterance.last_ms):
            return []
        utterance.end_after_ms = min(utterance.end_after_ms, max(self._rules.pause_ms, end_ms))
        return self._lasted(utterance, now_ms)

    def gap(self, now_ms: float, why: str) -> list[Mark]:
        """Sound is missing here: what was being said is dropped, and its rest is not taken for a sentence."""
        if self._state is State.OVER:
            return []
        return [*self._held(now_ms), *self._broken(now_ms, Code.AUDIO_GAP, why)]

    def finish(self, now_ms: float) -> list[Mark]:
        """The stream is over: what was said until now is all."""
        if self._state is State.OVER:
            return []
        marks = self._held(now_ms)
        utterance = self._utterance
        self._turn(Turn.FINISH)
        return [*marks, self._closed(utterance, now_ms)] if utterance else marks

    def _turn(self, turn: Turn) -> None:
        self._state = TRANSITIONS[self._state][turn]
        if self._state not in (State.SPEAKING, State.PAUSED):
            self._utterance = None

    def _begins(self, window: Window) -> bool:
        loud_db = max(self._rules.level_db_min, self._floor.level_db + self._rules.above_floor_db)
        return window.probability >= self._rules.begin_probability and window.level_db >= loud_db

    def _begun(self, begin_ms: float) -> list[Mark]:
        self._turn(Turn.BEGIN)
        self._utterances += 1
        self._utterance = _Utterance(self._utterances, begin_ms, begin_ms, self._rules.end_ms)
        return [SpeechBegan(self._utterances, begin_ms)]

    def _held(self, now_ms: float) -> list[Mark]:
        """Held down to talk there is always an utterance to answer, even where not one window came."""
        return self._begun(now_ms) if self._state is State.QUIET and not self._cuts else []

    def _gone_on(self, window: Window) -> list[Mark]:
        utterance = self._utterance
        assert utterance
        marks: list[Mark] = []
        if self._speaks(window, utterance):
            utterance.take(window)
            if self._state is State.PAUSED:
                self._turn(Turn.RESUME)
                utterance.end_after_ms = self._rules.end_ms
                marks.append(SpeechResumed(utterance.number))
        if (utterance.last_ms if self._cuts else window.end_ms) - utterance.begin_ms > self._rules.length_ms_max:
            why = f"longer than {self._rules.length_ms_max / 1_000:g} s: say less at a time and pause between sentences"
            return [*marks, *self._broken(window.end_ms, Code.UTTERANCE_TOO_LONG, why)]
        if self._state is State.SPEAKING and self._pauses(utterance, window.end_ms):
            if self._clipped(utterance):
                return [*marks, *self._broken(window.end_ms, Code.AUDIO_CLIPPED, _CLIPPED)]
            self._turn(Turn.PAUSE)
            marks.append(SpeechPaused(utterance.number, utterance.last_ms))
        return [*marks, *self._lasted(utterance, window.end_ms)]

    def _speaks(self, window: Window, utterance: _Utterance) -> bool:
        """Between words, speech has to begin anew; within them, it only has to go on."""
        if window.level_db < utterance.peak_db - self._rules.below_peak_db:
            return False
        between = utterance.last_ms < window.begin_ms
        return window.probability >= (self._rules.begin_probability if between else self._rules.keep_probability)

    def _pauses(self, utterance: _Utterance, now_ms: float) -> bool:
        """A pause tells of speech before it: after a click, and before anything was said, there is none."""
        return self._enough(utterance) and now_ms - utterance.last_ms >= self._rules.pause_ms

    def _enough(self, utterance: _Utterance) -> bool:
        return utterance.speech_ms >= self._rules.speech_ms_min

    def _clipped(self, utterance: _Utterance) -> bool:
        return utterance.clipped_ms > self._rules.clipped_share_max * utterance.speech_ms

    def _lasted(self, utterance: _Utterance, now_ms: float) -> list[Mark]:
        """The end, if the silence has lasted."""
        if not self._cuts or now_ms - utterance.last_ms < utterance.end_after_ms:
            return []
        self._turn(Turn.CLOSE)
        return [self._closed(utterance, now_ms)]

    def _closed(self, utterance: _Utterance, now_ms: float) -> Mark:
        if not self._enough(utterance):
            return SpeechDropped(utterance.number, Code.NO_SPEECH, "nobody spoke: a click or noise")
        if self._clipped(utterance):
            return SpeechDropped(utterance.number, Code.AUDIO_CLIPPED, _CLIPPED)
        return SpeechEnded(utterance.number, utterance.begin_ms, utterance.last_ms, now_ms)

    def _broken(self, now_ms: float, code: Code, why: str) -> list[Mark]:
        dropped = [SpeechDropped(self._utterance.number, code, why)] if self._utterance else []
        self._turn(Turn.BREAK)
        self._hushed_ms = now_ms
        return list(dropped)

    def _waited(self, window: Window) -> None:
        """A shut stream opens after a silence as long as one that ends an utterance; held down to talk, it does not."""
        loud = window.level_db >= self._rules.level_db_min
        if loud and window.probability >= self._rules.keep_probability:
            self._hushed_ms = window.end_ms
        elif self._cuts and window.end_ms - self._hushed_ms >= self._rules.end_ms:
            self._turn(Turn.HUSH)


_CLIPPED: Final = "the sound is cut off at full scale: turn the microphone's level down, or speak further away from it"


def _wrong(name: str, why: str) -> ConfigurationFault:
    return ConfigurationFault(Code.SETTINGS_INVALID, why, where=f"speech rule {name}")
