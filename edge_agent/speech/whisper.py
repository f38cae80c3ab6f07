"""Whisper through faster-whisper, which only this file imports. It lives in the recogniser's process.

Decides how a sound is read: language fixed, temperature 0, one window, no word of the past, no timestamps, biased by
the pack's hotwords; what the gate doubts is NO_SPEECH or LOW_CONFIDENCE, and so no text. The readings that beam search
ends with are the alternatives: they cost nothing more. Refuses folders that are not whole (`whisper_folder`), more
sound than one window, and work whose deadline has passed; a reading that has begun cannot be interrupted, which is why
the parent may kill this process. Nothing is ever fetched, and no sound is decoded from a file.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import faster_whisper
import numpy as np
from faster_whisper.audio import pad_or_trim
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import get_suppressed_tokens

from edge_agent.clock import Clock, SystemClock
from edge_agent.errors import ClientFault, Code, ConfigurationFault, NodeFault
from edge_agent.limits import ALTERNATIVES_MAX, TRANSCRIPT_TOKENS_FREE, TRANSCRIPT_TOKENS_PER_S_MAX
from edge_agent.speech.audio import RATE_HZ, Samples, duration_ms, to_wave
from edge_agent.speech.bias import HOTWORD_TOKENS_MAX, as_prompt, hotwords
from edge_agent.speech.collecting import CollectedUtterance
from edge_agent.speech.gate import Reading, doubt_about
from edge_agent.speech.normalising import normalised
from edge_agent.speech.recognition import Lexicon, Transcript
from edge_agent.speech.whisper_device import ENGINE_VERSION, compute_type_of, device_of
from edge_agent.speech.whisper_folder import FEATURES, TOKENIZER, opened_folder

LANGUAGE: Final = "en"
"""The only language that packs are spoken in."""
BEAM_MAX: Final = 10
ALTERNATIVE_NATS_MAX: Final = 7.0
"""Readings that are less than a thousandth as likely as the best one are left out."""
_PROMPT_AND_TEXT_TOKENS_MAX: Final = 448
_SPECIAL_TOKENS: Final = ("sot", "sot_prev", "sot_lm", "eot", "transcribe", "translate", "no_timestamps", "no_speech")


@dataclass(frozen=True, slots=True)
class Prompt:
    """A pack's hotwords, and the tokens that the model is given before it writes."""

    bias: tuple[str, ...]
    tokens: tuple[int, ...]


class WhisperRecogniser:
    """A loaded Whisper model. Fills the port `recognition.Recogniser`.

    `files` pins the sha256 of each file by its name. `device` is auto, cpu or cuda, `compute_type` one of CTranslate2's
    or None. `beam` readings are followed at once; with 1 there are no alternatives. `hotword_tokens_max` bounds the
    bias; 0 is none.

    Raises:
        ConfigurationFault: MODEL_MISSING, MODEL_NOT_A_FILE, MODEL_HASH_MISMATCH, MODEL_DAMAGED, SETTINGS_INVALID.
        NodeFault: SPEECH_UNAVAILABLE.
    """

    def __init__(
        self,
        model: Path,
        *,
        language: str = LANGUAGE,
        device: str = "auto",
        compute_type: str | None = None,
        threads: int = 1,
        files: Mapping[str, str] | None = None,
        beam: int = 5,
        hotword_tokens_max: int = HOTWORD_TOKENS_MAX,
        clock: Clock | None = None,
    ) -> None:
        _check_settings(language, beam, threads)
        device = device_of(device)
        compute_type = compute_type_of(device, compute_type)
        with opened_folder(model, files or None) as opened:
            self._model = _load(model, opened, device, compute_type, threads)
        self._tokenizer = _tokenizer(self._model, model)
        self._suppressed = get_suppressed_tokens(self._tokenizer, [-1])
        self._beam = beam
        self._hotword_tokens_max = hotword_tokens_max
        self._prompts: dict[str, Prompt] = {}
        self._clock = clock or SystemClock()
        self._facts = {
            "recogniser": "whisper",
            "model": model.name,
            "multilingual": bool(self._model.model.is_multilingual),
            "device": device,
            "compute_type": compute_type,
            "threads": threads,
            "beam": beam,
            "hotword_tokens_max": hotword_tokens_max,
            "faster_whisper": faster_whisper.__version__,
            "ctranslate2": ENGINE_VERSION,
        }
        self._prove(model)

    @property
    def facts(self) -> Mapping[str, Any]:
        """Its name, its model, how it computes."""
        return self._facts

    @property
    def window_ms(self) -> float:
        """The longest utterance that is read, in milliseconds."""
        return 1_000.0 * float(self._model.feature_extractor.n_samples) / RATE_HZ

    def prepare(self, lexicon: Lexicon) -> None:
        """Learn what may be said in a pack; replaces what was known of the pack."""
        bias = hotwords(lexicon, lambda text: len(self._tokenizer.encode(text)), self._hotword_tokens_max)
        self._prompts[lexicon.pack] = self._prompt(bias)

    def bias_of(self, pack: str) -> tuple[str, ...]:
        """The hotwords of a prepared pack, in order."""
        return self._prompts[pack].bias

    def prompt_of(self, pack: str) -> tuple[str, ...]:
        """The tokens that the model is given before it writes, for a prepared pack."""
        tokens = self._prompts[pack].tokens
        return tuple(self._tokenizer.tokenizer.id_to_token(token) for token in tokens)

    def begin(self, pack: str) -> CollectedUtterance:
        """Begin to listen to one utterance in a prepared pack.

        Raises:
            NodeFault: SPEECH_UNAVAILABLE, for a pack that was not prepared.
        """
        if pack not in self._prompts:
            raise NodeFault(Code.SPEECH_UNAVAILABLE, f"the recogniser was not prepared for the pack {pack}")
        prompt = self._prompts[pack]
        return CollectedUtterance(lambda samples, deadline_ms: self._read(samples, prompt, deadline_ms))

    def _read(self, samples: Samples, prompt: Prompt, deadline_ms: float) -> Transcript:
        if duration_ms(samples) > self.window_ms:
            seconds = self.window_ms / 1_000
            raise ClientFault(Code.UTTERANCE_TOO_LONG, f"at most {seconds:.0f} seconds are read at once; say less")
        if self._clock.now_ms() >= deadline_ms:
            raise ClientFault(Code.EXPIRED, "the deadline passed before the speech could be read")
        try:
            return self._believed(self._readings(samples, prompt))
        except RuntimeError as problem:
            why = f"CTranslate2 cannot compute: {problem}"
            raise NodeFault(Code.SPEECH_UNAVAILABLE, why) from problem

    def _prompt(self, bias: tuple[str, ...]) -> Prompt:
        tokens = self._model.get_prompt(
            self._tokenizer, [], without_timestamps=True, hotwords=as_prompt(bias) if bias else None
        )
        return Prompt(bias, tuple(tokens))

    def _readings(self, samples: Samples, prompt: Prompt) -> Sequence[Reading]:
        """The readings of beam search, likeliest first: at least one."""
        extractor = self._model.feature_extractor
        features = extractor(to_wave(samples))[:, :-1]
        encoded = self._model.encode(pad_or_trim(features, extractor.nb_max_frames))
        seconds = duration_ms(samples) / 1_000.0
        written_max = math.ceil(TRANSCRIPT_TOKENS_FREE + TRANSCRIPT_TOKENS_PER_S_MAX * seconds)
        written_max = min(
            written_max, _PROMPT_AND_TEXT_TOKENS_MAX // 2, _PROMPT_AND_TEXT_TOKENS_MAX - len(prompt.tokens)
        )
        result = self._model.model.generate(
            encoded,
            [list(prompt.tokens)],
            beam_size=self._beam,
            num_hypotheses=min(self._beam, 1 + ALTERNATIVES_MAX),
            # CTranslate2 writes at most half of this, and what the prompt leaves of it
            max_length=max(2 * written_max, len(prompt.tokens) + written_max),
            return_scores=True,
            return_no_speech_prob=True,
            suppress_blank=True,
            suppress_tokens=self._suppressed,
        )[0]
        found = zip(result.sequences_ids, result.scores, strict=True)
        sums = [(tokens, score * len(tokens)) for tokens, score in found]  # a score is the mean over the text's tokens
        return [
            Reading(
                text=normalised(self._tokenizer.decode(tokens)),
                no_speech=result.no_speech_prob,
                log_probability=nats / (len(tokens) + 1),  # the end is one more
                duration_ms=duration_ms(samples),
                bias=prompt.bias,
                is_cut=len(tokens) >= written_max,
            )
            for tokens, nats in sums
            if not nats < sums[0][1] - ALTERNATIVE_NATS_MAX
        ]

    def _believed(self, readings: Sequence[Reading]) -> Transcript:
        best = readings[0]
        if doubt := doubt_about(best):
            raise ClientFault(doubt.code, f'{doubt.why}; heard "{best.text}"' if best.text else doubt.why)
        others = dict.fromkeys(reading.text for reading in readings[1:] if reading.text not in ("", best.text))
        return Transcript(
            text=best.text,
            confidence=min(1.0, math.exp(best.log_probability)) if best.log_probability <= 0 else 0.0,
            alternatives=tuple(others)[:ALTERNATIVES_MAX],
            no_speech=best.no_speech,
        )

    def _prove(self, model: Path) -> None:
        """Read a second of silence: what cannot compute says so now, and the first command finds everything warm."""
        try:
            self._readings(np.zeros(RATE_HZ, np.int16), self._prompt(()))
        except (RuntimeError, ValueError) as problem:
            if self._facts["device"] == "cpu":
                why = f"CTranslate2 cannot run this model ({problem}); fetch it again"
                raise ConfigurationFault(Code.MODEL_DAMAGED, why, where=str(model)) from problem
            why = f"CUDA does not work here ({problem}); install its libraries, or set the device to cpu"
            raise NodeFault(Code.SPEECH_UNAVAILABLE, why) from problem


def _check_settings(language: str, beam: int, threads: int) -> None:
    if language != LANGUAGE:
        why = f"packs are spoken in English; the language must be {LANGUAGE}, not {language}"
        raise ConfigurationFault(Code.SETTINGS_INVALID, why, where="language")
    if not 1 <= beam <= BEAM_MAX:
        raise ConfigurationFault(Code.SETTINGS_INVALID, f"the beam must be 1 to {BEAM_MAX}, not {beam}", where="beam")
    if threads < 1:
        raise ConfigurationFault(Code.SETTINGS_INVALID, f"at least 1 thread computes, not {threads}", where="threads")


def _load(folder: Path, opened: Path, device: str, compute_type: str, threads: int) -> faster_whisper.WhisperModel:
    try:
        model = faster_whisper.WhisperModel(
            str(opened), device=device, compute_type=compute_type, cpu_threads=threads, local_files_only=True
        )
    except Exception as problem:  # the tokenizers library raises bare exceptions
        why = f"cannot be loaded ({problem}); fetch the model again"
        raise ConfigurationFault(Code.MODEL_DAMAGED, why, where=str(folder)) from problem
    bands = len(model.feature_extractor.mel_filters)
    if model.model.n_mels != bands:
        why = f"hears {model.model.n_mels} bands, but {FEATURES} makes {bands}; copy the file that belongs to the model"
        raise ConfigurationFault(Code.MODEL_DAMAGED, why, where=str(folder))
    return model


def _tokenizer(model: faster_whisper.WhisperModel, folder: Path) -> Tokenizer:
    multilingual = bool(model.model.is_multilingual)
    tokenizer = Tokenizer(model.hf_tokenizer, multilingual, task="transcribe", language=LANGUAGE)
    lacking = [name for name in _SPECIAL_TOKENS if getattr(tokenizer, name) is None]
    if lacking:
        why = f"{TOKENIZER} has no token for {', '.join(lacking)}; copy the file that belongs to the model"
        raise ConfigurationFault(Code.MODEL_DAMAGED, why, where=str(folder))
    return tokenizer
