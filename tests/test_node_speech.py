"""Speech through a real daemon: a real ear, the embedded recogniser, real sockets and signals; spoken by espeak-ng."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from node_harness import Node, Raw, Watcher, fresh_node
from node_speaker import ACTION, COMMAND, Speaker, actions_of, sentence, spoken
from speech_sounds import joined, silence, white_noise
from speech_sounds import spoken as spoken_by

from edge_agent.errors import Code
from edge_agent.messages import (
    Answer,
    AudioChunk,
    AudioEnd,
    AudioEnded,
    AudioReady,
    AudioStart,
    Command,
    ErrorReply,
    Heard,
    Hello,
    Message,
    Outcome,
    Stop,
    Welcome,
)
from edge_agent.messages.codec import encode

NANO = Path(__file__).parent / "data" / "whisper-nano"
pytest.importorskip("pocketsphinx")


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """One node for the tests that leave it as it was. Its Whisper is the small one made for tests, which is sure of
    these words, so that what is tested is the way and not the ear."""
    pytest.importorskip("faster_whisper")
    for one in fresh_node(speech={"recogniser": "whisper", "whisper": str(NANO)}):
        yield one.start()
        one.stop()


@pytest.fixture
def own_node() -> Iterator[Node]:
    """A node for one test alone."""
    yield from fresh_node()


@pytest.mark.parametrize("eager", [pytest.param(True, id="read ahead"), pytest.param(False, id="read at the end")])
def test_a_spoken_command_becomes_its_action(own_node: Node, eager: bool) -> None:
    """Heard, accepted, answered; the times of hearing among the others, and all of them add up."""
    own_node.settings["speech"] = {"eager": eager}
    own_node.start()
    with Speaker(own_node) as mic:
        mic.play(sentence(), speed=1.0)
        heard = mic.hear_a(Heard)
        assert heard.text == COMMAND
        assert heard.request_id is not None
        assert 0 < heard.begin_ms < heard.end_ms
        answer = mic.hear_a(Answer)
        assert answer.request_id == heard.request_id
        assert actions_of(answer) == [ACTION]
        timings = answer.timings.model_dump()
        assert timings["endpoint_ms"] > 150
        assert timings["total_ms"] == pytest.approx(sum(timings.values()) - timings["total_ms"], abs=0.1)
        mic.end()
        assert mic.hear_a(AudioEnded).utterances == 1


def test_a_whisper_is_heard_through(own_node: Node) -> None:
    """The same way with faster-whisper in its child, and a model made here that knows these words."""
    pytest.importorskip("faster_whisper")
    own_node.settings["speech"] = {"recogniser": "whisper", "whisper": str(NANO)}
    own_node.start()
    with Speaker(own_node, ttl_ms=20_000) as mic:
        mic.play(sentence(), speed=1.0)
        assert mic.hear_a(Heard, 30.0).text == COMMAND
        assert actions_of(mic.hear_a(Answer)) == [ACTION]


def test_held_down_to_talk_it_is_one_utterance(node: Node) -> None:
    """A pause within it ends nothing, however long."""
    with Speaker(node, "button", mode="push_to_talk") as mic:
        mic.play(joined(spoken("go to"), silence(900), spoken("dock three")), speed=8.0)
        mic.end()
        heard = mic.hear_a(Heard)
        assert heard.utterance == 1
        assert heard.end_ms - heard.begin_ms > 900
        assert mic.hear_a(AudioEnded).utterances == 1


def test_nothing_said_is_no_speech(node: Node) -> None:
    """Held down and silent, or noisy: heard, refused by name, and no command."""
    for sound in (silence(700), white_noise(1_500)):
        with Speaker(node, "quiet", mode="push_to_talk") as mic:
            mic.play(sound, speed=8.0)
            mic.end()
            heard = mic.hear_a(Heard)
            assert heard.error is not None
            assert heard.error.code is Code.NO_SPEECH
            assert heard.request_id is None
            mic.hear_a(AudioEnded)


def test_a_spoken_stop_stops_and_holds(own_node: Node) -> None:
    """On the bus and to the executor before the sentence is over; then nothing more is taken."""
    own_node.start()
    with (
        Watcher(own_node.events_address) as watcher,
        Raw(own_node.command_address) as executor,
        Speaker(own_node) as mic,
    ):
        executor.say(Hello(robot="robot", removes_duplicates=True))
        executor.hear_a(Welcome)
        mic.play(sentence("stop", after_ms=100.0), speed=1.0)
        assert executor.hear_a(Stop).reason == "heard: stop (mic)"
        mic.play(silence(900), speed=1.0)
        own_node.wait_for(lambda: any(isinstance(message, Stop) for message in watcher.messages))
        assert mic.hear_a(Answer, 20.0).outcome is Outcome.STOPPED
        mic.play(sentence(), speed=2.0)
        assert mic.error().code is Code.STOPPED
        executor.say(Command(request_id="r-1", text="go to dock 3"))
        assert executor.hear_a(ErrorReply).code is Code.STOPPED


def test_microphones_and_a_text_client_at_once(node: Node) -> None:
    """Everybody gets his own answer."""
    with Speaker(node, "left") as left, Speaker(node, "right") as right, node.client() as client:
        for mic in (left, right):
            mic.play(sentence(), speed=8.0)
        typed = client.command("go to packing")
        assert actions_of(typed) == [{"action": "go_to", "place": "packing"}]
        for mic in (left, right):
            assert mic.hear_a(Heard).stream_id == mic.stream_id
            assert actions_of(mic.hear_a(Answer)) == [ACTION]


def test_a_hole_in_a_sentence_is_named_and_nothing_is_done(node: Node) -> None:
    """Half of a sentence may mean the opposite of the whole; the next one is heard again."""
    with Speaker(node, "lossy") as mic:
        sound = sentence()
        half = len(sound) // 2
        mic.play(sound[:half])
        mic.seq += 5
        mic.play(sound[half:])
        assert mic.error().code is Code.AUDIO_GAP
        heard = mic.hear_a(Heard)
        assert heard.error is not None
        assert heard.error.code is Code.AUDIO_GAP
        mic.play(sentence())
        assert actions_of(mic.hear_a(Answer)) == [ACTION]


def bad_start(node: Node, message: dict[str, Any]) -> Code:
    import json

    with Raw(node.command_address) as raw:
        raw.send(json.dumps({"type": "audio_start", "stream_id": "bad", **message}).encode())
        return Code(raw.hear_a(ErrorReply).code)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        pytest.param({"rate_hz": 4_000}, Code.INVALID_MESSAGE, id="a rate too low"),
        pytest.param({"rate_hz": 96_000}, Code.INVALID_MESSAGE, id="a rate too high"),
        pytest.param({"channels": 6}, Code.INVALID_MESSAGE, id="six channels"),
        pytest.param({"encoding": "mp3"}, Code.INVALID_MESSAGE, id="no PCM"),
        pytest.param({"pack": "cooking"}, Code.UNKNOWN_PACK, id="an unknown pack"),
        pytest.param({"ttl_ms": 0}, Code.INVALID_MESSAGE, id="no time to live"),
    ],
)
def test_a_stream_that_cannot_be_is_refused(node: Node, message: dict[str, Any], code: Code) -> None:
    """Before any sound of it is taken."""
    assert bad_start(node, message) is code


def test_a_second_stream_of_the_same_name_is_refused(node: Node) -> None:
    """The first one goes on; when it has ended, its name is free."""
    with Speaker(node, "twice") as mic, Raw(node.command_address) as other:
        other.say(AudioStart(stream_id="twice"))
        assert other.hear_a(ErrorReply).code is Code.STREAM_TAKEN
        mic.play(sentence())
        assert actions_of(mic.hear_a(Answer)) == [ACTION]
        mic.end()
        mic.hear_a(AudioEnded)
        other.say(AudioStart(stream_id="twice"))
        other.hear_a(AudioReady)
        other.say(AudioEnd(stream_id="twice"))
        other.hear_a(AudioEnded)


def test_nobody_speaks_into_anothers_stream(node: Node) -> None:
    """A chunk, or an end, for a stream that another connection opened."""
    with Speaker(node, "mine") as mic, Raw(node.command_address) as other:
        other.send(encode(AudioChunk(stream_id="mine", seq=0)), bytes(640))
        assert other.hear_a(ErrorReply).code is Code.STREAM_UNKNOWN
        other.say(AudioEnd(stream_id="mine"))
        assert other.hear_a(ErrorReply).code is Code.STREAM_UNKNOWN
        mic.play(sentence())
        assert actions_of(mic.hear_a(Answer)) == [ACTION]


def in_frames(node: Node, *frames: bytes) -> Code:
    with Raw(node.command_address) as raw:
        raw.send(*frames)
        return Code(raw.hear_a(ErrorReply).code)


def test_a_chunk_is_two_frames_and_nothing_else_is(node: Node) -> None:
    """A chunk without its sound, with too many frames, and a command with a second frame."""
    chunk = encode(AudioChunk(stream_id="x", seq=0))
    assert in_frames(node, chunk) is Code.BAD_FRAMES
    assert in_frames(node, chunk, bytes(640), bytes(640)) is Code.BAD_FRAMES
    assert in_frames(node, encode(AudioEnd(stream_id="x")), bytes(640)) is Code.BAD_FRAMES
    assert in_frames(node, chunk, bytes(65_537)) is Code.TOO_LARGE


def test_broken_sound_is_named(node: Node) -> None:
    """Bytes that make no samples end the stream; NaN ends what was being said."""
    with Speaker(node, "odd") as mic:
        mic.chunk(bytes(641))
        assert mic.error().code is Code.AUDIO_ODD_BYTES
        mic.hear_a(AudioEnded)
    with Speaker(node, "nan", encoding="f32le") as mic:
        mic.chunk(b"\x00\x00\xc0\x7f" * 320)
        assert mic.error().code is Code.AUDIO_NOT_FINITE


def test_sound_too_far_ahead_closes_the_stream(node: Node) -> None:
    """Who does not wait for the window is cut off; nobody else waits for him."""
    with Speaker(node, "flood") as mic, node.client() as client:
        for _ in range(200):
            mic.chunk(bytes(64_000))
        assert mic.error().code is Code.AUDIO_OVERRUN
        assert actions_of(client.command("go to packing")) == [{"action": "go_to", "place": "packing"}]


def test_a_client_that_dies_in_the_middle_of_a_sentence(node: Node) -> None:
    """What it had half said is dropped, and its name is free again."""
    with Watcher(node.events_address) as watcher:
        with Speaker(node, "gone") as mic:
            mic.play(sentence(after_ms=0.0))
        node.wait_for(lambda: any(_lost(message) for message in watcher.messages))
        with Speaker(node, "gone") as mic:
            mic.play(sentence())
            assert actions_of(mic.hear_a(Answer)) == [ACTION]


def _lost(message: Message) -> bool:
    return isinstance(message, Heard) and message.error is not None and message.error.code is Code.AUDIO_LOST


def test_seventeen_seconds_are_too_long_and_what_follows_is_heard(node: Node) -> None:
    """Nothing of it is done."""
    with Speaker(node, "long") as mic:
        without_a_breath = spoken_by(
            COMMAND, voice="en-us+f3", words_per_minute=150
        )  # run together, spoken()'s has a "freeze" in it
        mic.play(joined(*(without_a_breath for _ in range(19))))
        heard = mic.hear_a(Heard)
        assert heard.error is not None
        assert heard.error.code is Code.UTTERANCE_TOO_LONG
        mic.play(joined(silence(1_000), sentence()))
        assert actions_of(mic.hear_a(Answer)) == [ACTION]


def test_a_name_that_was_added_can_be_heard(own_node: Node) -> None:
    """From the moment that the recogniser knows it."""
    own_node.start()
    with Speaker(own_node) as mic, own_node.client() as client:
        client.update_world(add=[_entity("charging station", "place")])
        deadline = time.monotonic() + 30
        wanted = [{"action": "go_to", "place": "charging station"}]
        while time.monotonic() < deadline:
            mic.play(sentence("go to the charging station"))
            if actions_of(mic.hear_a(Answer, 20.0)) == wanted:
                return
        raise AssertionError("it was never heard")


def _entity(name: str, kind: str) -> Any:
    from edge_agent.messages import EntityRecord

    return EntityRecord(name=name, kind=kind)


def test_speech_can_be_turned_off(own_node: Node) -> None:
    """And says so."""
    own_node.settings["speech"] = {"recogniser": "off"}
    own_node.start()
    assert bad_start(own_node, {}) is Code.SPEECH_UNAVAILABLE
