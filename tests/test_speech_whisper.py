"""The whole way through faster-whisper and CTranslate2, with a model whose words are known beforehand."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from whisper_models import SURE, Follows, chain, write_whisper

from edge_agent.clock import ManualClock
from edge_agent.errors import ClientFault, Code, ConfigurationFault, EdgeAgentError, NodeFault
from edge_agent.limits import ALTERNATIVES_MAX
from edge_agent.speech.audio import RATE_HZ, Samples
from edge_agent.speech.bias import HOTWORD_TOKENS_MAX
from edge_agent.speech.recognition import Lexicon, Recogniser, Transcript
from edge_agent.speech.whisper import WhisperRecogniser
from edge_agent.speech.whisper_device import best_type

LATER_MS = math.inf
LEXICON = Lexicon("robot", ("bring me the {item}",), {"item": ("red box", "ognjen", "dock three")}, "digest")
TRIPLE = {
    "<begin>": {"go": 9.0, "come": 8.0, "run": 7.0},
    **{word: {"home": SURE} for word in ("go", "come", "run")},
    "home": {"<end>": SURE},
}
"""Three readings, each e times as likely as the next."""


def sound(seconds: float = 2.0) -> Samples:
    """A soft hum: what the model writes does not depend on it."""
    wave = 3_000 * np.sin(np.arange(int(seconds * RATE_HZ)) * 0.05)
    return wave.astype(np.int16)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Follows], Path]:
    """Writes model folders, each once."""
    made: dict[str, Path] = {}

    def write(follows: Follows) -> Path:
        key = json.dumps(follows)
        if key not in made:
            made[key] = write_whisper(tmp_path_factory.mktemp("whisper") / "model", follows)
        return made[key]

    return write


def heard(recogniser: Recogniser, seconds: float = 2.0) -> Transcript:
    utterance = recogniser.begin("robot")
    utterance.feed(sound(seconds))
    return utterance.transcript(LATER_MS)


def loaded(folder: Path, lexicon: Lexicon = LEXICON, **settings: object) -> WhisperRecogniser:
    recogniser = WhisperRecogniser(folder, device="cpu", **settings)  # type: ignore[arg-type]
    recogniser.prepare(lexicon)
    return recogniser


def test_words_come_out_as_the_port_promises(written: Callable[[Follows], Path]) -> None:
    transcript = heard(loaded(written(chain("Go to Dock 3, please."))))
    assert transcript.text == "go to dock three please"
    assert transcript.confidence == pytest.approx(1.0, abs=1e-3)
    assert transcript.no_speech < 0.1


def test_it_reads_as_faster_whisper_does(tmp_path: Path) -> None:
    """Text, log-probability and no-speech are those of its own `transcribe` with the same settings; sound matters."""
    from faster_whisper import WhisperModel

    folder = write_whisper(tmp_path / "model", {**TRIPLE, "<sot>": {"<none>": 5.0}}, ears=0.1)
    recogniser = loaded(folder)
    theirs, _ = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=1).transcribe(
        sound().astype(np.float32) / 32_768,
        language="en",
        temperature=0,
        condition_on_previous_text=False,
        without_timestamps=True,
        no_speech_threshold=None,
        hotwords=", ".join(recogniser.bias_of("robot")),
    )
    [segment] = list(theirs)
    ours = heard(recogniser)
    assert segment.text.strip() == ours.text
    assert math.exp(segment.avg_logprob) == pytest.approx(ours.confidence)
    assert segment.no_speech_prob == pytest.approx(ours.no_speech)
    assert ours.confidence != pytest.approx(heard(recogniser, 8).confidence, abs=0.01)


def test_a_model_of_many_languages_is_told_to_write_english(tmp_path: Path) -> None:
    """By its prompt: beginning, language, task."""
    follows = {**chain("go home"), "<sot>": {"<none>": -2.0}}
    one = loaded(write_whisper(tmp_path / "one", follows))
    many = loaded(write_whisper(tmp_path / "many", follows, multilingual=True))
    assert [recogniser.facts["multilingual"] for recogniser in (one, many)] == [False, True]
    assert heard(many).text == heard(one).text == "go home"
    assert many.prompt_of("robot")[-4:] == ("<|startoftranscript|>", "<|en|>", "<|transcribe|>", "<|notimestamps|>")
    assert one.prompt_of("robot")[-2:] == ("<|startoftranscript|>", "<|notimestamps|>")


def test_other_readings_come_along_likeliest_first(written: Callable[[Follows], Path]) -> None:
    transcript = heard(loaded(written(TRIPLE)))
    assert (transcript.text, *transcript.alternatives) == ("go home", "come home", "run home")
    assert 0.6 < transcript.confidence < 0.95


def test_one_beam_has_no_other_readings(written: Callable[[Follows], Path]) -> None:
    assert heard(loaded(written(TRIPLE), beam=1)).alternatives == ()


def test_hardly_likely_readings_are_left_out(written: Callable[[Follows], Path]) -> None:
    follows = TRIPLE | {"<begin>": {"go": 17.0, "come": 16.0, "run": 9.0}}
    assert heard(loaded(written(follows))).alternatives == ("come home",)


def test_readings_are_at_most_as_many_as_may_be_handed_on(written: Callable[[Follows], Path]) -> None:
    words = [f"word{letter}" for letter in "abcdefghij"]
    follows = {"<begin>": dict.fromkeys(words, 9.0), **{word: {"now": SURE} for word in words}, "now": {"<end>": SURE}}
    assert len(heard(loaded(written(follows), beam=10)).alternatives) == ALTERNATIVES_MAX


@pytest.mark.parametrize(
    ("follows", "seconds", "code", "why"),
    [
        pytest.param(chain("go home", none=9.0), 2, Code.NO_SPEECH, 'nobody spoke .* heard "go home"', id="no speech"),
        pytest.param(chain("Thank you."), 2, Code.NO_SPEECH, "when nobody speaks", id="a breath"),
        pytest.param(chain("[BLANK_AUDIO]"), 2, Code.NO_SPEECH, "no words were heard", id="a remark"),
        pytest.param({"<begin>": {"<end>": SURE}}, 2, Code.NO_SPEECH, "no words were heard", id="nothing"),
        pytest.param({"<begin>": {"go": SURE}, "go": {"go": SURE}}, 2, Code.LOW_CONFIDENCE, "again", id="a loop"),
        pytest.param(chain("take the red box to dock three"), 0.3, Code.LOW_CONFIDENCE, "0.3 seconds", id="too fast"),
        pytest.param({"<begin>": {"go": 4.0}, "go": {"<end>": 3.0}}, 2, Code.LOW_CONFIDENCE, "unlikely", id="unsure"),
    ],
)
def test_inventions_are_refused_with_what_was_heard(
    written: Callable[[Follows], Path], follows: Follows, seconds: float, code: Code, why: str
) -> None:
    with pytest.raises(ClientFault, match=why) as refused:
        heard(loaded(written(follows)), seconds)
    assert refused.value.code is code


def test_the_echo_of_its_own_bias_is_refused(written: Callable[[Follows], Path]) -> None:
    names = ("qane", "qbne", "qcne", "qdne", "qene")
    folder = written(chain(", ".join(names)))
    assert heard(loaded(folder)).text == " ".join(names)
    with pytest.raises(ClientFault, match="names that the model was given") as refused:
        heard(loaded(folder, Lexicon("robot", (), {"item": names}, "other")))
    assert refused.value.code is Code.NO_SPEECH


def test_a_cry_of_stop_comes_through_whatever_the_gate_thinks(written: Callable[[Follows], Path]) -> None:
    assert heard(loaded(written(chain("Stop!", none=30.0))), 0.1).text == "stop"
    looping = heard(loaded(written({"<begin>": {"stop": SURE}, "stop": {"stop": SURE}})), 0.5)
    assert set(looping.text.split()) == {"stop"}


def test_a_loop_ends_with_its_sound(written: Callable[[Follows], Path]) -> None:
    """A word for ever is written 16 times, and 12 times more for each second, with hotwords and without."""
    folder = written({"<begin>": {"go": SURE}, "go": {"go": SURE}})
    for tokens_max in (0, HOTWORD_TOKENS_MAX):
        with pytest.raises(ClientFault, match="heard") as refused:
            heard(loaded(folder, hotword_tokens_max=tokens_max), 3)
        assert 16 + 3 * 12 <= refused.value.message.count("go") <= 16 + 3 * 12 + 1


def test_the_same_sound_is_read_once(written: Callable[[Follows], Path]) -> None:
    """Reading again needs no time, so that it works past every deadline; more sound is read anew."""
    clock = ManualClock()
    recogniser = loaded(written(chain("go home")), clock=clock)
    utterance = recogniser.begin("robot")
    utterance.feed(sound())
    first = utterance.transcript(clock.now_ms() + 1)
    clock.advance(10_000)
    assert utterance.transcript(1.0) is first
    utterance.feed(sound())
    with pytest.raises(ClientFault) as refused:
        utterance.transcript(clock.now_ms())
    assert refused.value.code is Code.EXPIRED
    assert utterance.transcript(clock.now_ms() + 1) == first, "a passed deadline is not remembered"


def test_a_refusal_is_remembered_as_well(written: Callable[[Follows], Path]) -> None:
    clock = ManualClock()
    utterance = loaded(written(chain("you")), clock=clock).begin("robot")
    utterance.feed(sound())
    for deadline_ms in (clock.now_ms() + 1, 0.0):
        with pytest.raises(ClientFault) as refused:
            utterance.transcript(deadline_ms)
        assert refused.value.code is Code.NO_SPEECH


def test_without_sound_there_is_no_speech(written: Callable[[Follows], Path]) -> None:
    utterance = loaded(written(chain("go home"))).begin("robot")
    utterance.feed(sound(0))
    with pytest.raises(ClientFault) as refused:
        utterance.transcript(LATER_MS)
    assert refused.value.code is Code.NO_SPEECH


def test_more_sound_than_one_window_is_refused(written: Callable[[Follows], Path]) -> None:
    recogniser = loaded(written(chain("go home")))
    assert heard(recogniser, 29.9).text == "go home"
    assert recogniser.window_ms == 30_000
    with pytest.raises(ClientFault) as refused:
        heard(recogniser, 30.1)
    assert refused.value.code is Code.UTTERANCE_TOO_LONG


def test_a_fed_buffer_may_be_used_again(written: Callable[[Follows], Path]) -> None:
    recogniser = loaded(written(chain("go home")))
    utterance, buffer = recogniser.begin("robot"), sound()
    utterance.feed(buffer)
    buffer[:] = 0
    assert utterance.transcript(LATER_MS).text == "go home"


def test_utterances_live_side_by_side_and_packs_are_learnt_anew(written: Callable[[Follows], Path]) -> None:
    recogniser = loaded(written(chain("go home")))
    first, second = recogniser.begin("robot"), recogniser.begin("robot")
    first.feed(sound(1))
    second.feed(sound(2))
    assert first.transcript(LATER_MS) == second.transcript(LATER_MS)
    first.close()
    recogniser.prepare(Lexicon("robot", (), {"item": ("zyx",)}, "other"))
    assert recogniser.bias_of("robot") == ("zyx",)
    with pytest.raises(NodeFault, match="not prepared for the pack kiosk") as refused:
        recogniser.begin("kiosk")
    assert refused.value.code is Code.SPEECH_UNAVAILABLE


def test_the_bias_fits_the_prompt_by_the_models_own_tokens(written: Callable[[Follows], Path]) -> None:
    """faster-whisper would cut a longer one in the middle of a name."""
    from tokenizers import Tokenizer

    folder = written(chain("go home"))
    names = tuple(f"nname{number}" for number in range(5_000))
    recogniser = loaded(folder, Lexicon("robot", (), {"item": names}, "many"))
    text = " " + ", ".join(recogniser.bias_of("robot"))
    tokens = len(Tokenizer.from_file(str(folder / "tokenizer.json")).encode(text, add_special_tokens=False).ids)
    assert HOTWORD_TOKENS_MAX - 20 < tokens <= HOTWORD_TOKENS_MAX
    assert loaded(folder, hotword_tokens_max=0).bias_of("robot") == ()


@pytest.mark.parametrize(
    ("settings", "error", "code"),
    [
        pytest.param({"language": "de"}, ConfigurationFault, Code.SETTINGS_INVALID, id="language"),
        pytest.param({"device": "tpu"}, ConfigurationFault, Code.SETTINGS_INVALID, id="device"),
        pytest.param({"compute_type": "int3"}, ConfigurationFault, Code.SETTINGS_INVALID, id="compute type"),
        pytest.param({"beam": 0}, ConfigurationFault, Code.SETTINGS_INVALID, id="beam"),
        pytest.param({"threads": 0}, ConfigurationFault, Code.SETTINGS_INVALID, id="threads"),
    ],
)
def test_settings_that_cannot_be_are_refused(
    written: Callable[[Follows], Path], settings: dict[str, object], error: type[EdgeAgentError], code: Code
) -> None:
    with pytest.raises(error) as refused:
        WhisperRecogniser(written(chain("go home")), **({"device": "cpu"} | settings))  # type: ignore[arg-type]
    assert refused.value.code is code


def test_cuda_is_missed_where_it_is_not_and_auto_does_without(written: Callable[[Follows], Path]) -> None:
    import ctranslate2

    if ctranslate2.get_cuda_device_count():
        pytest.skip("this machine has a CUDA device")
    folder = written(chain("go home"))
    with pytest.raises(NodeFault, match="set the device to cpu") as refused:
        WhisperRecogniser(folder, device="cuda")
    assert refused.value.code is Code.SPEECH_UNAVAILABLE
    assert WhisperRecogniser(folder).facts["device"] == "cpu"
    assert WhisperRecogniser(folder).facts["compute_type"] == "int8"


def test_the_compute_type_is_the_best_that_a_device_bears() -> None:
    assert best_type("cuda", {"float32", "float16", "int8", "int8_float16"}) == "float16"
    assert best_type("cuda", {"float32", "int8_float16"}) == "int8_float16"
    assert best_type("cuda", {"float32"}) == "float32"
    assert best_type("cpu", {"float32", "int8"}) == "int8"


@pytest.mark.parametrize("kept", [18, 100, 5_000, -1_000, -1])
def test_a_truncated_model_is_damaged_wherever_it_was_cut(tmp_path: Path, kept: int) -> None:
    folder = write_whisper(tmp_path / "cut", chain("go home"))
    model = folder / "model.bin"
    model.write_bytes(model.read_bytes()[:kept])
    with pytest.raises(ConfigurationFault) as refused:
        WhisperRecogniser(folder, device="cpu")
    assert refused.value.code is Code.MODEL_DAMAGED


@pytest.mark.parametrize("content", ["{}", "[]", '{"model": {"type": "BPE"}}', "null"])
def test_a_tokenizer_that_is_none_is_damaged(tmp_path: Path, content: str) -> None:
    folder = write_whisper(tmp_path / "model", chain("go home"))
    (folder / "tokenizer.json").write_text(content)
    with pytest.raises(ConfigurationFault) as refused:
        WhisperRecogniser(folder, device="cpu")
    assert refused.value.code is Code.MODEL_DAMAGED


def test_a_tokenizer_without_whispers_own_tokens_is_damaged(tmp_path: Path) -> None:
    folder = write_whisper(tmp_path / "model", chain("go home"))
    path = folder / "tokenizer.json"
    path.write_text(path.read_text().replace("<|startofprev|>", "<|somethingelse|>"))
    with pytest.raises(ConfigurationFault, match="no token for sot_prev") as refused:
        WhisperRecogniser(folder, device="cpu")
    assert refused.value.code is Code.MODEL_DAMAGED


def test_features_of_another_model_are_damage(tmp_path: Path) -> None:
    folder = write_whisper(tmp_path / "model", chain("go home"), bands=128)
    assert heard(loaded(folder)).text == "go home"
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(ConfigurationFault, match=r"hears 128 bands, but .* makes 80") as refused:
        WhisperRecogniser(folder, device="cpu")
    assert refused.value.code is Code.MODEL_DAMAGED


WATCHED = """
import sys
from pathlib import Path

def watch(event, arguments):
    if event.startswith("socket.") or event == "subprocess.Popen":
        print("NETWORK", event, flush=True)
        raise SystemExit(3)

import faster_whisper
from edge_agent.errors import EdgeAgentError
from edge_agent.speech.whisper import WhisperRecogniser
sys.addaudithook(watch)
folder = Path(sys.argv[2])
if sys.argv[1] == "theirs":
    faster_whisper.WhisperModel(str(folder), device="cpu")
try:
    print(WhisperRecogniser(folder, device="cpu").facts["recogniser"])
except EdgeAgentError as problem:
    print(problem.code, problem.message)
"""


def watched(whose: str, folder: Path) -> str:
    """What a process says that ends at the first touch of a network."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, whose, str(folder)],
        env=environment | {"HF_HOME": str(folder / "cache")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.stdout + done.stderr[-2_000:]


def test_nothing_is_ever_fetched(tmp_path: Path) -> None:
    """faster-whisper itself asks the network for a missing tokenizer; here the folder is refused before."""
    folder = write_whisper(tmp_path / "model", chain("go home"))
    assert watched("ours", folder).strip() == "whisper"
    (folder / "tokenizer.json").unlink()
    refused = watched("ours", folder)
    assert "MODEL_MISSING lacks tokenizer.json" in refused
    assert "NETWORK" not in refused
    assert "NETWORK socket." in watched("theirs", folder)
