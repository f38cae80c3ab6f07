"""llama-cpp-python's own server with the bundled model, a process of its own: it answers what the local engine does."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from remote_servers import free_port, llama_cpp_server, wait_for

from edge_agent.clock import SystemClock
from edge_agent.grammar.gbnf import json_text
from edge_agent.grammar.schema import answer_schema
from edge_agent.grammar.sentence import SentenceGrammars
from edge_agent.language.decision import DecideRequest
from edge_agent.language.fallback import FallbackEngine
from edge_agent.language.models import bundled_model
from edge_agent.language.process import EngineProcess
from edge_agent.language.remote import RemoteEngine
from edge_agent.language.remote_options import RemoteOptions
from edge_agent.node.engines import bundled_options
from edge_agent.observe.modes import Mode
from edge_agent.packs.registry import load_pack
from edge_agent.world.linker import Linker
from edge_agent.world.loading import load_world

PACKS = {name: load_pack(name) for name in ("robot", "home", "kiosk")}
SENTENCES = {
    "robot": (
        "bring the red box from dock three to packing",
        "go to packing",
        "stop",
        "move forward two metres and turn left",
        "what a lovely morning",
        "go to the swimming pool",
    ),
    "home": (
        "turn on the lights in the kitchen",
        "unlock the front door",
        "set the bedroom to twenty degrees",
        "set a timer for five minutes",
        "who won the match yesterday",
    ),
    "kiosk": ("two espressos", "a large latte with oat milk", "cancel my order", "that is all", "sing me a song"),
}
CLOCK = SystemClock()


def requests(ttl_ms: float = 60_000) -> Iterator[DecideRequest]:
    """Every sentence as the node would ask about it, in its pack's example world."""
    for name, pack in PACKS.items():
        assert pack.example_world
        linker, grammars = Linker(load_world(pack.example_world)), SentenceGrammars(pack)
        for text in SENTENCES[name]:
            linked = linker.link(text)
            yield DecideRequest(
                name,
                linked.marked,
                grammars.for_sentence(linked),
                CLOCK.now_ms() + ttl_ms,
                schema=json_text(answer_schema(pack, linked)),
            )


@pytest.fixture(scope="module")
def local() -> Iterator[EngineProcess]:
    with EngineProcess(bundled_options(), tuple(PACKS.values())) as engine:
        yield engine


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The server with every token's numbers kept, so that it can tell their probabilities."""
    log = tmp_path_factory.mktemp("server") / "log"
    with llama_cpp_server(bundled_model(), log, n_ctx="1024", logits_all="true") as url:
        yield url


def remote_engine(url: str, **changes: bool) -> RemoteEngine:
    return RemoteEngine(RemoteOptions(url, prompt="bundled", **changes), tuple(PACKS.values()))


def test_it_answers_what_the_local_engine_answers(server: str, local: EngineProcess) -> None:
    """Many ask at once, and each answer finds its question: the same prompt and grammar, by llama.cpp's own sampler."""
    asked = list(requests())
    with closing(remote_engine(server, probabilities=False)) as remote, ThreadPoolExecutor(8) as workers:
        remote.start()
        assert remote.facts["dialect"] == "llama-cpp-python"
        there = list(workers.map(remote.decide, asked))
    here = [local.decide(request) for request in asked]
    assert [one.answer for one in there] == [one.answer for one in here]
    assert {one.confidence for one in there} == {1.0}


def test_what_it_is_sure_of_is_at_most_what_the_grammar_leaves(server: str, local: EngineProcess) -> None:
    """A token's probability there is among all tokens, here among those that the grammar allows.

    Rounding is another in passes of another size, so a hundredth is left to it.
    """
    with closing(remote_engine(server)) as remote:
        remote.start()
        for request in list(requests())[: len(SENTENCES["robot"])]:
            there, here = remote.decide(request), local.decide(request)
            assert there.answer == here.answer
            assert 0.0 < there.confidence == there.probability <= here.probability + 0.01, request.marked


def test_the_local_model_goes_on_where_the_server_ends(tmp_path: Path, local: EngineProcess) -> None:
    """The server is killed and started again: no command notices, and the answers stay the same."""
    port = free_port()
    with closing(FallbackEngine(remote_engine(f"http://127.0.0.1:{port}"), local)) as both:
        both.start()
        asked = len(SENTENCES["robot"])
        answers = []
        for life in range(2):
            with llama_cpp_server(
                bundled_model(), tmp_path / f"log-{life}", port=port, n_ctx="1024", logits_all="false"
            ):
                wait_for(lambda: not both.missing)
                answers.append([both.decide(request).answer for request in list(requests())[:asked]])
            answers.append([both.decide(request).answer for request in list(requests())[:asked]])
            assert both.missing[0].mode is Mode.NO_REMOTE
        assert [one for one in answers if one != answers[0]] == []
