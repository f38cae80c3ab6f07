"""The ear or the recogniser is killed, or stands still, while somebody speaks to a real daemon; with real signals."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest
from node_harness import Node, Raw, fresh_node
from node_speaker import ACTION, READY_S, TTL_MS, Speaker, actions_of, child_of, sentence
from speech_sounds import joined, silence

from edge_agent.errors import Code
from edge_agent.messages import Answer, AudioReady, AudioStart, Heard

pytest.importorskip("pocketsphinx")


@pytest.fixture
def own_node() -> Iterator[Node]:
    """A node for one test alone."""
    yield from fresh_node()


def test_the_recogniser_killed_in_the_middle_of_a_sentence(own_node: Node) -> None:
    """Its successor gets the sound, so the sentence is answered; a text client notices nothing."""
    own_node.start()
    with Speaker(own_node, ttl_ms=60_000) as mic, own_node.client() as client:
        sound = sentence()
        half = len(sound) // 2
        mic.play(sound[:half])
        pid = child_of(own_node, "recogniser_child")
        os.kill(pid, signal.SIGKILL)
        assert actions_of(client.command("go to packing")) == [{"action": "go_to", "place": "packing"}]
        mic.play(sound[half:])
        assert actions_of(mic.hear_a(Answer, 60.0)) == [ACTION]
        assert child_of(own_node, "recogniser_child") != pid


def test_a_recogniser_that_stands_still_while_it_learns_is_replaced(own_node: Node) -> None:
    """Though nobody has asked it anything yet; whoever waits to speak is let in by its successor."""
    own_node.start()
    with Raw(own_node.command_address) as peer:
        peer.say(AudioStart(stream_id="mic", ttl_ms=TTL_MS))
        own_node.wait_for_log('"what": "recogniser", "detail": "loaded')
        pid = child_of(own_node, "recogniser_child")
        os.kill(pid, signal.SIGSTOP)
        peer.hear_a(AudioReady, READY_S)
    assert "away: stood still" in own_node.log()
    assert child_of(own_node, "recogniser_child") != pid


def test_the_ear_killed_in_the_middle_of_a_sentence(own_node: Node) -> None:
    """The sentence is named as lost, its rest is not taken for one, and the next one is heard."""
    own_node.start()
    with Speaker(own_node, ttl_ms=60_000) as mic, own_node.client() as client:
        sound = sentence()
        half = len(sound) // 2
        mic.play(sound[:half])
        time.sleep(0.3)
        os.kill(child_of(own_node, "ear_child"), signal.SIGKILL)
        assert actions_of(client.command("go to packing")) == [{"action": "go_to", "place": "packing"}]
        heard = mic.hear_a(Heard)
        assert heard.error is not None
        assert heard.error.code is Code.SPEECH_CRASHED
        mic.play(sound[half:])
        own_node.wait_for_log('"what": "ear", "detail": "ready"', 2)
        mic.play(joined(silence(1_500), sentence()), speed=2.0)
        answer = mic.hear_a(Answer, 30.0)
        assert actions_of(answer) == [ACTION]
