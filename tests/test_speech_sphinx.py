"""The embedded recogniser, with its real model: synthetic speech in, words out."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip("pocketsphinx", reason="needs pip install 'edge-agent[speech]'")
pytest.importorskip("espeakng_loader", reason="needs pip install 'edge-agent[speech]'")

from edge_agent.errors import ClientFault, Code, NodeFault
from edge_agent.limits import ALTERNATIVES_MAX
from edge_agent.packs.registry import load_pack
from edge_agent.speech.audio import RATE_HZ, Samples
from edge_agent.speech.espeak import phonemes, speak
from edge_agent.speech.pronouncing import PAUSE, Pronouncing
from edge_agent.speech.recognition import Lexicon
from edge_agent.speech.sphinx import SphinxRecogniser
from edge_agent.speech.sphinx_grammar import Voice, grammar_of, language_model
from edge_agent.speech.wording import lexicon_of
from edge_agent.world.loading import load_world

NEVER_MS = math.inf
CHUNK = RATE_HZ // 10


@pytest.fixture(scope="module")
def recogniser() -> SphinxRecogniser:
    """One that knows a few commands, with a name that no dictionary has."""
    ready = SphinxRecogniser()
    sentences = (
        "open the {door}", "close the {door}", "find the {door}", "go forward {distance}", "turn left", "turn right",
        "what time is it",
    )  # fmt: skip
    names = {"door": ("gate", "hatch", "zorbex"), "distance": ("ten meters", "two meters", "five meters")}
    ready.prepare(Lexicon("tiny", sentences * 20, names, "1"))
    return ready


def heard(recogniser: SphinxRecogniser, samples: Samples) -> str:
    utterance = recogniser.begin("tiny")
    try:
        for at in range(0, len(samples), CHUNK):
            utterance.feed(samples[at : at + CHUNK])
        return utterance.transcript(NEVER_MS).text
    finally:
        utterance.close()


def quiet(seconds: float) -> Samples:
    return np.zeros(int(seconds * RATE_HZ), np.int16)


def test_a_command_is_heard(recogniser: SphinxRecogniser) -> None:
    """Numbers come as words, and the words have their places in the sound."""
    samples = np.concatenate([quiet(0.3), speak("go forward ten meters", "en-us+f3"), quiet(0.3)])
    utterance = recogniser.begin("tiny")
    utterance.feed(samples)
    transcript = utterance.transcript(NEVER_MS)
    utterance.close()
    assert transcript.text == "go forward ten meters"
    assert 0.0 < transcript.confidence <= 1.0
    assert transcript.text not in transcript.alternatives
    assert len(set(transcript.alternatives)) == len(transcript.alternatives) <= ALTERNATIVES_MAX
    assert all(word.begin_ms < word.end_ms for word in transcript.words)
    assert all(first.end_ms <= second.begin_ms + 1e-6 for first, second in pairwise(transcript.words))


def test_a_name_that_no_dictionary_has_is_heard(recogniser: SphinxRecogniser) -> None:
    """Its pronunciation is made from its letters."""
    samples = np.concatenate([quiet(0.2), speak("find the zorbex", "en-us+f3"), quiet(0.2)])
    assert heard(recogniser, samples) == "find the zorbex"


def test_listening_goes_on_after_a_reading(recogniser: SphinxRecogniser) -> None:
    """A pause may be none: what comes after it is read together with what came before."""
    whole = np.concatenate([quiet(0.2), speak("go forward ten meters"), quiet(0.2)])
    utterance = recogniser.begin("tiny")
    utterance.feed(whole[: len(whole) // 2])
    first = utterance.transcript(NEVER_MS)
    assert utterance.transcript(NEVER_MS) == first
    for at in range(len(whole) // 2, len(whole), CHUNK):
        utterance.feed(whole[at : at + CHUNK])
    assert utterance.transcript(NEVER_MS).text == heard(recogniser, whole) != first.text
    utterance.close()


def test_several_utterances_at_once_do_not_mix(recogniser: SphinxRecogniser) -> None:
    """Two people speak at the same time, each into a microphone of their own."""
    sounds = [
        np.concatenate([quiet(0.2), speak(text), quiet(0.2)]) for text in ("open the hatch", "go forward ten meters")
    ]
    alone = [heard(recogniser, samples) for samples in sounds]
    both = [recogniser.begin("tiny") for _ in sounds]
    for at in range(0, max(map(len, sounds)), CHUNK):
        for utterance, samples in zip(both, sounds, strict=True):
            utterance.feed(samples[at : at + CHUNK])
    assert [utterance.transcript(NEVER_MS).text for utterance in both] == alone
    for utterance in both:
        utterance.close()


def test_a_whole_pack_is_listened_for() -> None:
    """Thousands of phrases and the names of a world: what was said of the world comes out of them."""
    pack = load_pack("robot")
    assert pack.example_world is not None
    ready = SphinxRecogniser()
    ready.prepare(lexicon_of(pack, load_world(pack.example_world)))
    utterance = ready.begin("robot")
    utterance.feed(np.concatenate([quiet(0.3), speak("bring me the red box from dock three", "en-us+f3"), quiet(0.3)]))
    text = utterance.transcript(NEVER_MS).text
    utterance.close()
    assert "dock three" in text
    assert ready.facts["unsayable"] == {"robot": []}


def test_no_sound_and_silence_are_no_speech(recogniser: SphinxRecogniser) -> None:
    """Nothing at all, and two seconds of nothing."""
    for samples in (quiet(0.0), quiet(2.0)):
        utterance = recogniser.begin("tiny")
        utterance.feed(samples)
        with pytest.raises(ClientFault) as refused:
            utterance.transcript(NEVER_MS)
        assert refused.value.code is Code.NO_SPEECH
        utterance.close()


def test_noise_is_refused(recogniser: SphinxRecogniser) -> None:
    """White noise is not bent into a command."""
    noise = np.random.default_rng(3).normal(0, 3_000, RATE_HZ * 3).astype(np.int16)
    utterance = recogniser.begin("tiny")
    utterance.feed(noise)
    with pytest.raises(ClientFault) as refused:
        utterance.transcript(NEVER_MS)
    assert refused.value.code in (Code.NO_SPEECH, Code.LOW_CONFIDENCE)
    utterance.close()


def test_a_passed_deadline_is_refused(recogniser: SphinxRecogniser) -> None:
    """Nothing is read for a command that has expired."""
    utterance = recogniser.begin("tiny")
    utterance.feed(quiet(0.5))
    with pytest.raises(ClientFault) as refused:
        utterance.transcript(-math.inf)
    assert refused.value.code is Code.EXPIRED
    utterance.close()


def test_a_pack_that_was_not_prepared_is_refused(recogniser: SphinxRecogniser) -> None:
    """The message names it."""
    with pytest.raises(NodeFault, match="kiosk") as refused:
        recogniser.begin("kiosk")
    assert refused.value.code is Code.SPEECH_UNAVAILABLE


def test_a_changed_world_is_learnt_while_somebody_speaks() -> None:
    """An utterance that is open goes on with the words that it began with."""
    ready = SphinxRecogniser()
    small = Lexicon("tiny", ("open the {door}", "close the {door}") * 10, {"door": ("gate",)}, "1")
    ready.prepare(small)
    before = ready.begin("tiny")
    ready.prepare(Lexicon("tiny", small.sentences, {"door": ("gate", "hatch")}, "2"))
    samples = np.concatenate([quiet(0.2), speak("open the hatch"), quiet(0.2)])
    after = ready.begin("tiny")
    for utterance in (before, after):
        utterance.feed(samples)
    assert after.transcript(NEVER_MS).text == "open the hatch"
    try:
        assert "hatch" not in before.transcript(NEVER_MS).text
    except ClientFault as refused:
        assert refused.code in (Code.LOW_CONFIDENCE, Code.NO_SPEECH)
    before.close()
    after.close()


def test_the_grammar_is_a_probability() -> None:
    """After any word, what may follow adds up to one, unseen words by way of the shorter sequences included."""
    arpa, words = language_model([("a", "b", "c"), ("a", "b"), ("b", "c", "c"), ("a",)] * 3)
    sections = arpa.split("-grams:\n")
    single = {line.split("\t")[1]: line.split("\t") for line in sections[1].splitlines() if "\t" in line}
    rows = [line.split("\t") for line in sections[2].splitlines() if "\t" in line]
    pair = {tuple(row[1].split()): float(row[0]) for row in rows}
    every = [word for word in single if word != "<s>"]
    assert set(words) == {"a", "b", "c"}
    for before in ("<s>", "a", "b", "c"):
        left = 10 ** float(single[before][2])
        total = sum(
            10 ** pair[before, word] if (before, word) in pair else left * 10 ** float(single[word][0])
            for word in every
        )
        assert total == pytest.approx(1.0, abs=2e-3)


def test_rare_words_are_not_listened_for() -> None:
    """One sentence in two thousand would make all others harder to hear."""
    pronouncing = Pronouncing({}, phonemes)
    lexicon = Lexicon("tiny", (*["open the {door}"] * 2_000, "seldom heard"), {"door": ("big gate",)}, "1")
    grammar = grammar_of(lexicon, Voice(pronouncing.of_word, pronouncing.of_name))
    assert "seldom" not in grammar.arpa
    assert "big_gate:c0" in grammar.dictionary
    assert grammar.unsayable == ()


@pytest.mark.parametrize(
    ("word", "phones"),
    [
        pytest.param("smoothie", "S M UW DH IY", id="th"),
        pytest.param("judge", "JH AH JH", id="one-sound-two-letters"),
        pytest.param("corridor", "K AO R IH D AO R", id="r-coloured"),
    ],
)
def test_unknown_words_are_pronounced_by_their_letters(word: str, phones: str) -> None:
    """espeak-ng's sounds in the acoustic model's phones."""
    assert Pronouncing({}, phonemes).of_word(word) == (tuple(phones.split()),)


def test_names_are_said_in_one_go_or_with_pauses() -> None:
    """Each word's pronunciations are combined; a possessive follows its owner."""
    known = {"red": (("R", "EH", "D"),), "box": (("B", "AA", "K", "S"), ("B", "AO", "K", "S"))}
    pronouncing = Pronouncing(known, phonemes)
    one, other, parted = pronouncing.of_name(["red", "box"])
    assert one == ("R", "EH", "D", "B", "AA", "K", "S") != other
    assert parted == ("R", "EH", "D", PAUSE, "B", "AA", "K", "S")
    assert pronouncing.of_word("box's")[0] == ("B", "AA", "K", "S", "IH", "Z")


def test_a_voice_that_is_not_there_is_refused() -> None:
    """The message names one that is."""
    with pytest.raises(NodeFault, match="en-us") as refused:
        speak("hello", voice="nobody-s-voice")
    assert refused.value.code is Code.SPEECH_UNAVAILABLE


def test_a_number_that_is_said_is_heard() -> None:
    """Bare numbers are held back, but not silenced."""
    pack = load_pack("kiosk")
    assert pack.example_world is not None
    ready = SphinxRecogniser()
    ready.prepare(lexicon_of(pack, load_world(pack.example_world)))
    utterance = ready.begin("kiosk")
    utterance.feed(np.concatenate([quiet(0.3), speak("i would like three small cappuccino please"), quiet(0.3)]))
    assert "three small cappuccino" in utterance.transcript(NEVER_MS).text
    utterance.close()


def test_a_long_piece_is_heard_to_its_end(recogniser: SphinxRecogniser) -> None:
    """A whole utterance in one piece, as after a restart, reads as it does in portions."""
    quiet = np.zeros(RATE_HZ, np.int16)
    sound = np.concatenate([part for _ in range(3) for part in (speak("find the gate"), quiet)])
    readings = []
    for step in (len(sound), CHUNK):
        utterance = recogniser.begin("tiny")
        for at in range(0, len(sound), step):
            utterance.feed(sound[at : at + step])
        readings.append(utterance.transcript(NEVER_MS).text)
        utterance.close()
    assert readings[0] == readings[1]
    assert readings[0].endswith("gate")
