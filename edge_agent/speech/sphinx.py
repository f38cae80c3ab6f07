"""PocketSphinx: the recogniser that needs no download, since its wheel holds a model of English.

Decides what is listened for (only what a pack's lexicon holds), which readings are handed on, and when a reading is too
doubtful to be one (LOW_CONFIDENCE) or there is none (NO_SPEECH). It decodes while sound comes in, so that a sure
reading is there soon after the last sample; a doubtful one is read a second time. Refuses packs that were not prepared.
It lives in the recogniser's process: its native code holds Python's lock while it decodes.
"""

from __future__ import annotations

import math
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pocketsphinx

from edge_agent.clock import Clock, SystemClock
from edge_agent.errors import ClientFault, Code, NodeFault
from edge_agent.limits import ALTERNATIVES_MAX
from edge_agent.speech.audio import Samples, duration_ms
from edge_agent.speech.espeak import phonemes
from edge_agent.speech.gate import is_cry
from edge_agent.speech.pronouncing import Phones, Pronouncing
from edge_agent.speech.recognition import Lexicon, Transcript, Word
from edge_agent.speech.sphinx_grammar import Voice, grammar_of, words_of_token

FRAME_MS: Final = 10.0
PORTION_SAMPLES: Final = 4_096
"""PocketSphinx is fed no more at once: of eight seconds in one piece it lost the end, and once it crashed."""
SHORTEST_MS: Final = 100.0
"""Less sound than this is no word."""
READINGS_TRIED_MAX: Final = 60
"""Readings that are looked through for ALTERNATIVES_MAX that differ in more than their pauses."""
DECODERS_MAX: Final = 4
"""Decoders of one pack that are kept for utterances at the same time; more are made and dropped again."""
CEPSTRA_AT_FIRST: Final = "41.00,-5.29,-0.12,5.09,2.48,-4.07,-1.37,-1.78,-5.08,-2.05,-6.45,-1.42,1.17"
"""The mean that is taken off the features until an utterance has its own: every utterance begins alike."""
CONFIDENCE_MIN: Final = 0.2
"""A reading below it is no reading. Chat bent into a pack's words had 0.12 to 0.19, right orders above 0.17."""
SURE: Final = 0.5
"""A reading below it is read again in other ways, and another one counts if it is surer by SURER."""
SURER: Final = 0.1
WARPS: Final = ("1.0", "1.08", "0.92")
"""The other ways: with the mean of the whole utterance taken off the features, which is only a guess while sound comes
in (under a café's voices 0 of 5 were right so, 4 of 5 then), and as if the speaker's throat were shorter, or longer."""
LONE_WORD_MS_MAX: Final = 1_200.0
"""Nobody draws the one word of a reading out so long; steady noise is heard so. Each further word of a name adds
SPOKEN_WORD_MS. Of a longer reading this is not asked: noise before it is often taken for a part of its first word."""
SPOKEN_WORD_MS: Final = 600.0

_SETTINGS: Final[Mapping[str, Any]] = {
    "loglevel": "FATAL",
    "lm": None,
    "lmname": "pack",
    # How much the grammar counts against the sound, in each of the three passes.
    "lw": 6.5,
    "fwdflatlw": 8.5,
    "bestpathlw": 9.5,
    # The first pass keeps more readings than is usual: the grammar is small. The second pass and the lattice do not, or
    # sound that is no speech of the pack's costs half a minute (34 s for 11 s of it).
    "beam": 1e-60,
    "pbeam": 1e-60,
    "wbeam": 1e-36,
    "latsize": 3_000,
    # Noise between words is a likely thing, and twice the usual number of mixtures tells sounds apart.
    "fillprob": 0.1,
    "topn": 8,
    "warp_params": "1.0",
    "maxhmmpf": 20_000,
}
_SILENCES: Final = ("<", "[", "+")


class _Prepared:
    """A pack's grammar on disk, gone with it, and decoders of it that nobody uses."""

    def __init__(self, digest: str) -> None:
        self.digest = digest
        self.idle: list[Any] = []
        self.folder = Path(tempfile.mkdtemp(prefix="edge-agent-sphinx-"))
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)


class SphinxRecogniser:
    """Fills the port `recognition.Recogniser`. Loading costs little; preparing a pack takes a second or a few."""

    def __init__(self, clock: Clock | None = None) -> None:
        """Look for the model.

        Raises:
            NodeFault: SPEECH_UNAVAILABLE when the wheel holds none.
        """
        self._clock = clock or SystemClock()
        self._model = Path(pocketsphinx.get_model_path("en-us"))
        if not (self._model / "en-us" / "mdef").is_file():
            raise NodeFault(Code.SPEECH_UNAVAILABLE, "PocketSphinx has no English model here: install it anew")
        self._packs: dict[str, _Prepared] = {}
        self._unsayable: dict[str, tuple[str, ...]] = {}

    @property
    def facts(self) -> Mapping[str, Any]:
        """Its name, its model, the packs that it knows and the names in them that it cannot say."""
        return {
            "recogniser": "sphinx",
            "model": "en-us of the pocketsphinx wheel",
            "device": "cpu",
            "packs": sorted(self._packs),
            "unsayable": {pack: list(names) for pack, names in self._unsayable.items()},
        }

    def prepare(self, lexicon: Lexicon) -> None:
        """Learn what may be said in a pack; replaces what was known of the pack. Utterances that are open go on.

        Raises:
            NodeFault: SPEECH_UNAVAILABLE.
        """
        known = self._packs.get(lexicon.pack)
        if known is not None and known.digest == lexicon.digest:
            return
        pronouncing = Pronouncing(_dictionary(self._model / "cmudict-en-us.dict"), phonemes)
        grammar = grammar_of(lexicon, Voice(pronouncing.of_word, pronouncing.of_name))
        try:
            prepared = _Prepared(lexicon.digest)
            folder = prepared.folder
            (folder / "pack.arpa").write_text(grammar.arpa, encoding="utf-8")
            (folder / "pack.classes").write_text(grammar.classes, encoding="utf-8")
            (folder / "pack.dict").write_text(grammar.dictionary, encoding="utf-8")
            classes = " ".join(f"[{name}]" for name in grammar.class_names)
            control = f"{{ {folder / 'pack.classes'} }}\n{folder / 'pack.arpa'} pack {{ {classes} }}\n"
            (folder / "pack.ctl").write_text(control, encoding="utf-8")
        except OSError as problem:
            raise NodeFault(Code.SPEECH_UNAVAILABLE, f"the grammar cannot be written: {problem}") from problem
        prepared.idle.append(self._decoder(prepared))
        self._packs[lexicon.pack] = prepared
        self._unsayable[lexicon.pack] = grammar.unsayable

    def begin(self, pack: str) -> SphinxUtterance:
        """Begin to listen to one utterance in a prepared pack.

        Raises:
            NodeFault: SPEECH_UNAVAILABLE, for a pack that was not prepared.
        """
        prepared = self._packs.get(pack)
        if prepared is None:
            raise NodeFault(Code.SPEECH_UNAVAILABLE, f"the recogniser was not prepared for the pack {pack}")
        decoder = prepared.idle.pop() if prepared.idle else self._decoder(prepared)
        return SphinxUtterance(decoder, prepared.idle, self._clock)

    def _decoder(self, prepared: _Prepared) -> Any:
        folder = prepared.folder
        try:
            return pocketsphinx.Decoder(
                hmm=str(self._model / "en-us"),
                dict=str(folder / "pack.dict"),
                lmctl=str(folder / "pack.ctl"),
                **_SETTINGS,
            )
        except (RuntimeError, ValueError, OSError) as problem:
            raise NodeFault(Code.SPEECH_UNAVAILABLE, f"PocketSphinx does not take the grammar: {problem}") from problem


class SphinxUtterance:
    """Fills the port `recognition.Utterance`. Decodes as it is fed; sound that comes after a reading is decoded anew
    together with what came before, because a decoder that has ended cannot go on.
    """

    def __init__(self, decoder: Any, idle: list[Any], clock: Clock) -> None:
        self._decoder = decoder
        self._idle = idle
        self._clock = clock
        self._fed: list[Samples] = []
        self._open = False
        self._reading: Transcript | ClientFault | None = None

    def feed(self, samples: Samples) -> None:
        """The next samples.

        Raises:
            NodeFault: SPEECH_UNAVAILABLE.
        """
        if not len(samples):
            return
        self._reading = None
        fresh = [samples[at : at + PORTION_SAMPLES].copy() for at in range(0, len(samples), PORTION_SAMPLES)]
        self._fed += fresh
        try:
            if self._open:
                for chunk in fresh:
                    self._decoder.process_raw(chunk.tobytes(), False, False)
                return
            self._decoder.set_cmn(CEPSTRA_AT_FIRST)
            self._decoder.start_utt()
            self._open = True
            for chunk in self._fed:
                self._decoder.process_raw(chunk.tobytes(), False, False)
        except RuntimeError as problem:
            raise NodeFault(Code.SPEECH_UNAVAILABLE, f"PocketSphinx failed: {problem}") from problem

    def transcript(self, deadline_ms: float) -> Transcript:
        """The reading of everything fed so far.

        Raises:
            ClientFault: NO_SPEECH, LOW_CONFIDENCE, EXPIRED.
            NodeFault: SPEECH_UNAVAILABLE.
        """
        if self._reading is None:
            if self._clock.now_ms() >= deadline_ms:
                raise ClientFault(Code.EXPIRED, "the deadline passed before the speech was read")
            try:
                self._reading = self._read(deadline_ms)
            except RuntimeError as problem:
                raise NodeFault(Code.SPEECH_UNAVAILABLE, f"PocketSphinx failed: {problem}") from problem
        if isinstance(self._reading, ClientFault):
            raise ClientFault(self._reading.code, self._reading.message)
        return self._reading

    def close(self) -> None:
        """Give the decoder back."""
        decoder, self._decoder = self._decoder, None
        if decoder is None:
            return
        if self._open:
            decoder.end_utt()
            self._open = False
        self._fed.clear()
        if len(self._idle) < DECODERS_MAX:
            self._idle.append(decoder)

    def _read(self, deadline_ms: float) -> Transcript | ClientFault:
        if sum(duration_ms(samples) for samples in self._fed) < SHORTEST_MS or not self._open:
            return ClientFault(Code.NO_SPEECH, "there is no sound to read; say it again")
        self._decoder.end_utt()
        self._open = False
        first = self._result()
        if isinstance(first, Transcript) and first.confidence >= SURE:
            return first
        found = [each for each in (first, *self._other_ways(deadline_ms)) if isinstance(each, Transcript)]
        if not found:
            return first
        best, *others = sorted(found, key=lambda each: (each is first) * -SURER - each.confidence)
        if best.confidence < CONFIDENCE_MIN and not is_cry(best.text):
            return ClientFault(Code.LOW_CONFIDENCE, f"heard {best.text!r} and doubt it; say it again")
        also = [text for each in others for text in (each.text, *each.alternatives)]
        merged = dict.fromkeys([*(each.text for each in others), *best.alternatives, *also])
        merged.pop(best.text, None)
        return replace(best, alternatives=tuple(merged)[:ALTERNATIVES_MAX])

    def _other_ways(self, deadline_ms: float) -> Iterator[Transcript | ClientFault]:
        """The same sound, read again as long as there is time for it and none is sure."""
        sound = np.concatenate(self._fed).tobytes()
        took_ms = 0.0
        try:
            for warp in WARPS:
                began_ms = self._clock.now_ms()
                if began_ms + took_ms >= deadline_ms:
                    return
                self._decoder.config["warp_params"] = warp
                self._decoder.reinit_feat()
                self._decoder.start_utt()
                self._decoder.process_raw(sound, False, True)
                self._decoder.end_utt()
                result = self._result()
                yield result
                if isinstance(result, Transcript) and result.confidence >= SURE + SURER:
                    return
                took_ms = self._clock.now_ms() - began_ms
        finally:
            self._decoder.config["warp_params"] = WARPS[0]
            self._decoder.reinit_feat()

    def _result(self) -> Transcript | ClientFault:
        """What the decoder, which has ended, made of the sound."""
        best = self._decoder.hyp()
        text = said(best.hypstr) if best is not None else ""
        if not text:
            return ClientFault(Code.NO_SPEECH, "no word was heard; say it again, nearer to the microphone")
        words = tuple(_words(self._decoder.seg() or ()))
        if not words or (len(words) == 1 and _is_drawn_out(words[0])):
            return ClientFault(Code.NO_SPEECH, "noise was heard and no words; say it again, nearer to the microphone")
        confidence = math.prod(word.confidence for word in words) ** (1 / len(words))
        return Transcript(text, confidence, self._alternatives(text), 0.0, words)

    def _alternatives(self, text: str) -> tuple[str, ...]:
        """Other readings, likeliest first."""
        found: dict[str, None] = {}
        for _, reading in zip(range(READINGS_TRIED_MAX), self._decoder.nbest(), strict=False):
            other = said(reading.hypstr) if reading is not None else ""
            if other and other != text:
                found[other] = None
            if len(found) >= ALTERNATIVES_MAX:
                break
        return tuple(found)


def said(tokens: str) -> str:
    """A reading's words: names apart again, without classes."""
    return " ".join(words_of_token(token) for token in tokens.split())


def _is_drawn_out(word: Word) -> bool:
    return word.end_ms - word.begin_ms > LONE_WORD_MS_MAX + SPOKEN_WORD_MS * word.text.count(" ")


def _words(segments: Any) -> Iterator[Word]:
    """Where each word was said; a name of several words is one."""
    for segment in segments:
        if not segment.word.startswith(_SILENCES):
            yield Word(
                words_of_token(segment.word),
                FRAME_MS * segment.start_frame,
                FRAME_MS * (segment.end_frame + 1),
                min(1.0, max(0.0, segment.prob)),
            )


def _dictionary(path: Path) -> dict[str, tuple[Phones, ...]]:
    """The wheel's pronunciations.

    Raises:
        NodeFault: SPEECH_UNAVAILABLE.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as problem:
        raise NodeFault(Code.SPEECH_UNAVAILABLE, f"PocketSphinx's dictionary cannot be read: {problem}") from problem
    found: dict[str, tuple[Phones, ...]] = {}
    for line in lines:
        word, *phones = line.split()
        name = word.split("(")[0]
        found[name] = (*found.get(name, ()), tuple(phones))
    return found
