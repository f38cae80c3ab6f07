"""One stream of sound and what is heard in it: PCM comes in, the ear's events go out.

Decides the order of things: the sound is checked, brought to 16 kHz and freed of its offset; each window of 32 ms is
judged by Silero, shown to the stop spotter if anything in it may be speech, and handed to the segmenter, which cuts.
Refuses formats that are not taken (AUDIO_FORMAT); sound that is broken ends what was being said and is named in a
`StreamFault`. Runs native code: it lives in the ear's process.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_agent.errors import ClientFault, Code
from edge_agent.limits import AUDIO_CHANNELS_MAX
from edge_agent.speech.attention import Attention, Spotter
from edge_agent.speech.audio import PcmFormat, Samples, decode_pcm, to_samples
from edge_agent.speech.energy import HighPass, level_db
from edge_agent.speech.events import EarEvent, SpeechBegan, SpeechEnded, SpeechHeard, StreamFault
from edge_agent.speech.resampling import Resampler
from edge_agent.speech.segmenter import Mark, Mode, Segmenter, SegmenterRules, State, Window
from edge_agent.speech.silero import WINDOW_MS, WINDOW_SAMPLES, SileroModel, SileroStream

FULL_SCALE_FROM: Final = 0.999
"""A sample from here on is counted as clipped."""
REFRESH_MS: Final = 4_000.0
"""How long Silero may listen to nothing before it is made to forget it. A minute of noise so fills its memory that the
next sentence begins up to half a second late, and a short word not at all (docs/decisions.md has the figures)."""
_ENCODINGS: Final = ("s16le", "f32le")


class Ear:
    """One stream. Used from one thread; fed in any portions."""

    def __init__(
        self,
        form: PcmFormat,
        *,
        mode: Mode = "continuous",
        spotter: Spotter | None = None,
        rules: SegmenterRules | None = None,
        model: SileroModel | None = None,
    ) -> None:
        """An ear for sound of this format; the model may be shared by any number of ears of one thread.

        Raises:
            ClientFault: AUDIO_FORMAT.
            NodeFault: SPEECH_UNAVAILABLE.
        """
        _check(form)
        rules = rules or SegmenterRules()
        self._form = form
        self._resampler = Resampler(form.rate_hz)
        self._high_pass = HighPass()
        self._vad = SileroStream(model or SileroModel())
        self._segmenter = Segmenter(rules, mode)
        self._attention = Attention(spotter) if spotter else None
        self._waiting = np.empty(0, np.float32)
        """Less than a window of sound, at 16 kHz."""
        self._recent: deque[tuple[float, Samples]] = deque(maxlen=round(rules.pre_roll_ms / WINDOW_MS) + 1)
        """The latest windows and where they began: the pre-roll of what may begin with the last of them."""
        self._position_ms = 0.0
        self._heard_ms = 0.0
        """How far the windows have come."""
        self._refreshed_ms = 0.0

    @property
    def position_ms(self) -> float:
        """How much sound was taken, whatever became of it."""
        return self._position_ms

    def hear(self, pcm: bytes) -> list[EarEvent]:
        """The next sound.

        Raises:
            ClientFault: STREAM_UNKNOWN when the stream is over.
            NodeFault: SPEECH_UNAVAILABLE.
        """
        if self._segmenter.state is State.OVER:
            raise ClientFault(Code.STREAM_UNKNOWN, "the stream is over: open another")
        self._position_ms += self._form.duration_ms(pcm)
        try:
            wave = decode_pcm(pcm, self._form)
        except ClientFault as problem:
            return self._faulted(problem)
        return self._listened(self._resampler.resampled(wave))

    def gap(self, missing_ms: float) -> list[EarEvent]:
        """So much sound is missing here."""
        why = f"{missing_ms:g} ms of sound are missing: what is said before the next silence is not taken"
        return [*self._torn(why), StreamFault(Code.AUDIO_GAP, why)]

    def settle(self, end_ms: float, paused_ms: float | None = None) -> list[EarEvent]:
        """What was said is complete and sure: a silence of `end_ms` is enough this time.

        `paused_ms` is the `at_ms` of the `SpeechPaused` that this is about; when that pause is past, nothing happens.
        """
        return self._told(self._segmenter.settle(self._heard_ms, end_ms, paused_ms))

    def finish(self) -> list[EarEvent]:
        """The stream is over; what is left of it is heard."""
        if self._segmenter.state is State.OVER:
            return []
        events = self._listened(self._resampler.rest())
        if len(self._waiting):
            events += self._window(self._waiting)
        return [*events, *self._told(self._segmenter.finish(self._heard_ms))]

    def _listened(self, wave: NDArray[np.float32]) -> list[EarEvent]:
        wave = np.concatenate((self._waiting, wave))
        whole = len(wave) - len(wave) % WINDOW_SAMPLES
        self._waiting = wave[whole:]
        return [event for window in wave[:whole].reshape(-1, WINDOW_SAMPLES) for event in self._window(window)]

    def _window(self, raw: NDArray[np.float32]) -> list[EarEvent]:
        """One window, 16 kHz; the last of a stream may be shorter."""
        wave = self._high_pass.filtered(raw)
        samples = to_samples(wave)
        probability = self._vad.probability(wave)
        begin_ms = self._heard_ms
        self._heard_ms += WINDOW_MS * len(raw) / WINDOW_SAMPLES
        clipped = float(np.mean(np.abs(raw) >= FULL_SCALE_FROM))
        self._recent.append((begin_ms, samples))
        self._refresh()
        stops: list[EarEvent] = [*self._attention.window(begin_ms, probability, samples)] if self._attention else []
        utterance = self._segmenter.utterance
        sound: list[EarEvent] = [SpeechHeard(utterance, samples.tobytes())] if utterance is not None else []
        window = Window(begin_ms, self._heard_ms, probability, level_db(wave), clipped)
        return [*stops, *sound, *self._told(self._segmenter.window(window))]

    def _told(self, marks: list[Mark]) -> list[EarEvent]:
        """The segmenter's marks as events: with the first sound of what begins."""
        events: list[EarEvent] = []
        for mark in marks:
            events.append(mark)
            if isinstance(mark, SpeechBegan) and self._recent:
                pre_roll = np.concatenate([samples for _, samples in self._recent])
                events.append(SpeechHeard(mark.utterance, pre_roll.tobytes()))
            elif isinstance(mark, SpeechEnded):  # its last word is not to be heard again before the next
                while self._recent and self._recent[0][0] < mark.end_ms:
                    self._recent.popleft()
        return events

    def _torn(self, why: str) -> list[EarEvent]:
        """What follows does not join on to what was heard."""
        events = self._told(self._segmenter.gap(self._position_ms, why))
        self._heard_ms = self._position_ms
        self._resampler = Resampler(self._form.rate_hz)
        self._waiting = self._waiting[:0]
        self._recent.clear()
        self._vad.reset()
        if self._attention:
            self._attention.reset()
        return events

    def _faulted(self, problem: ClientFault) -> list[EarEvent]:
        """Broken sound is missing sound; after bytes that make no frames nobody knows where the next one begins."""
        over = problem.code is Code.AUDIO_ODD_BYTES
        events = self._torn(f"broken sound was left out: {problem.message}")
        if over:
            events += self._told(self._segmenter.finish(self._position_ms))
        return [*events, StreamFault(problem.code, problem.message, over=over)]

    def _refresh(self) -> None:
        """Where nobody speaks, Silero is made to listen afresh every now and then."""
        if self._segmenter.state is not State.QUIET:
            self._refreshed_ms = self._heard_ms
        elif self._heard_ms - self._refreshed_ms >= REFRESH_MS:
            self._vad.refresh()
            self._refreshed_ms = self._heard_ms


def _check(form: PcmFormat) -> None:
    if not 1 <= form.channels <= AUDIO_CHANNELS_MAX:
        raise ClientFault(Code.AUDIO_FORMAT, f"{form.channels} channels are not taken: send 1 to {AUDIO_CHANNELS_MAX}")
    if form.encoding not in _ENCODINGS:
        raise ClientFault(Code.AUDIO_FORMAT, f"{form.encoding!r} is not taken: send {' or '.join(_ENCODINGS)}")
