"""From the air to the bus: a WAV is played, the box's own microphones hear it, and the robot is told.

The microphones are real to everything above them: PulseAudio's null sinks through ALSA and PortAudio.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from node_harness import Node, Raw, Watcher, fresh_node
from pulse_microphone import PulseMicrophones, needs_pulse, pulse_microphones
from speech_sounds import Samples, joined, silence
from speech_sounds import spoken as spoken_by

from edge_agent.errors import Code
from edge_agent.messages import (
    Answer,
    AudioAttach,
    AudioReady,
    AudioStart,
    ErrorReply,
    Heard,
    Hello,
    Perform,
    StateEvent,
    Welcome,
)

pytestmark = needs_pulse
pytest.importorskip("pocketsphinx")

MICROPHONES = [{"name": "counter", "device": "kitchen"}, {"name": "gate", "device": "hall", "area": "hall"}]


@pytest.fixture
def air(monkeypatch: pytest.MonkeyPatch) -> Iterator[PulseMicrophones]:
    """Two rooms with a microphone each."""
    with pulse_microphones("kitchen", "hall") as microphones:
        for name, value in microphones.environment.items():
            monkeypatch.setenv(name, value)
        yield microphones


@pytest.fixture
def node(air: PulseMicrophones) -> Iterator[Node]:
    """A node that listens in both of them."""
    for one in fresh_node(speech={"microphones": MICROPHONES}):
        one.start()
        for name in ("counter", "gate"):
            one.wait_for_log(f'"microphone {name}", "detail": "listens')
        one.wait_for_log('"what": "recogniser", "detail": "ready"')
        yield one
        assert one.stop() == 0


def said(text: str) -> Samples:
    return joined(silence(300), spoken_by(text, voice="en-us+f3", words_per_minute=150), silence(900))


def test_what_is_said_into_the_room_reaches_the_robot(node: Node, air: PulseMicrophones) -> None:
    """Heard on the bus, performed, answered to the screen that is attached; with a typed command beside it."""
    with (
        Watcher(node.events_address) as watcher,
        Raw(node.command_address) as executor,
        Raw(node.command_address) as screen,
        node.client() as client,
    ):
        executor.say(Hello(robot="robot", removes_duplicates=True))
        executor.hear_a(Welcome)
        screen.say(AudioAttach(stream_id="counter"))
        screen.hear_a(AudioReady)
        air.play(said("go to dock three"), into="kitchen")
        assert executor.hear_a(Perform, 20.0).action == {"action": "go_to", "place": "dock 3"}
        answer = screen.hear_a(Answer)
        assert [planned.action for planned in answer.actions] == [{"action": "go_to", "place": "dock 3"}]
        air.play(said("go to packing"), into="hall")
        typed = client.command("go to dock 3")
        assert [planned.action for planned in typed.actions] == [{"action": "go_to", "place": "dock 3"}]
        wanted = {"action": "go_to", "place": "packing"}
        node.wait_for(lambda: any(isinstance(m, StateEvent) and m.action == wanted for m in watcher.messages))
        heard = [message for message in watcher.messages if isinstance(message, Heard)]
        assert {message.stream_id for message in heard} == {"counter", "gate"}


def test_an_unplugged_microphone_is_noticed_and_opened_again(node: Node, air: PulseMicrophones) -> None:
    """Within two seconds, and within ten of its return; then it hears."""
    with Watcher(node.events_address) as watcher, node.client() as client:
        air.unplug()
        gone_s = time.monotonic()
        node.wait_for_log(f'"code": "{Code.MIC_LOST}"', 2)
        assert time.monotonic() - gone_s <= 4.0, "2 s are promised; the machine may be busy"
        assert any("microphone counter" in missing for missing in client.snapshot().degraded)
        air.start()
        back_s = time.monotonic()
        node.wait_for_log('"microphone counter", "detail": "listens', 2)
        assert time.monotonic() - back_s <= 15.0, "10 s are promised; the machine may be busy"
        air.play(said("go to dock three"), into="kitchen")
        wanted = {"action": "go_to", "place": "dock 3"}
        node.wait_for(lambda: any(isinstance(m, StateEvent) and m.action == wanted for m in watcher.messages))


def test_only_a_microphone_that_is_there_can_be_attached_to(node: Node) -> None:
    """A wrong name is told which there are; nobody opens a stream in a microphone's name."""
    with Raw(node.command_address) as raw:
        raw.say(AudioAttach(stream_id="cellar"))
        refused = raw.hear_a(ErrorReply)
        assert refused.code is Code.STREAM_UNKNOWN
        assert "counter, gate" in refused.message
        raw.say(AudioStart(stream_id="gate"))
        assert raw.hear_a(ErrorReply).code is Code.STREAM_TAKEN
