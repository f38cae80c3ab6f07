"""A server elsewhere with the local model behind it: whatever becomes of the server, the command has its answer."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import Any

import pytest
from engine_models import BRING
from remote_servers import (
    PATIENCE_S,
    Behaviour,
    Site,
    answer,
    body,
    break_off,
    drip,
    drip_headers,
    free_port,
    hang_up,
    never,
    serving,
    wait_for,
)

from edge_agent.clock import SystemClock
from edge_agent.errors import ClientFault, Code, NodeFault
from edge_agent.grammar.sentence import SentenceGrammars
from edge_agent.language.decision import DecideRequest
from edge_agent.language.fallback import FallbackEngine, with_remote
from edge_agent.language.remote import RemoteEngine
from edge_agent.language.remote_options import RemoteOptions
from edge_agent.language.scripted import ScriptedDecider
from edge_agent.observe.modes import Degraded, Mode
from edge_agent.packs.registry import load_pack

ROBOT = load_pack("robot")
GRAMMAR = SentenceGrammars(ROBOT).for_sentence(BRING)
THERE = '[{"action":"bring","object":1,"source":2,"destination":"me"}]'
HERE = '[{"action":"bring","object":1,"source":2}]'
CLOCK = SystemClock()


def request(marked: str = BRING.marked, ttl_ms: float = 5_000, **changes: str) -> DecideRequest:
    return DecideRequest("robot", marked, GRAMMAR, CLOCK.now_ms() + ttl_ms, **changes)


def engine(url: str, local: ScriptedDecider | None = None, **changes: Any) -> FallbackEngine:
    """Both, not started; the local one answers otherwise than the server, so that they can be told apart."""
    options = RemoteOptions(url, prompt="bundled", **changes)
    made = with_remote(options, (ROBOT,), local or ScriptedDecider(lambda _: HERE))
    assert isinstance(made, FallbackEngine)
    return made


def started(url: str) -> FallbackEngine:
    """Both, and the server has been found good."""
    made = engine(url)
    made.start()
    wait_for(lambda: not made.missing)
    return made


@pytest.fixture
def site() -> Iterator[Site]:
    with serving(Site(behaviours={BRING.marked: answer(THERE)})) as running:
        yield running


def test_the_server_answers_while_it_is_there(site: Site) -> None:
    with closing(started(site.url)) as both:
        assert both.decide(request()).answer == THERE
        assert both.ready
        assert both.facts["remote"]["dialect"] == "vllm"
        assert both.facts["engine"] == "scripted"


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(answer("no"), id="garbage"),
        pytest.param(body(b"<html>"), id="a page"),
        pytest.param(body(b"", 500), id="an error"),
        pytest.param(hang_up, id="it hangs up"),
        pytest.param(break_off, id="it breaks off"),
        pytest.param(never, id="silence"),
        pytest.param(drip, id="a byte now and then"),
        pytest.param(drip_headers, id="headers a byte now and then"),
    ],
)
def test_what_goes_wrong_there_is_answered_here_in_time(site: Site, behaviour: Behaviour) -> None:
    """The server has a share of the time, and the local model refuses what comes after the deadline."""
    site.behaviours[BRING.marked] = behaviour
    with closing(started(site.url)) as both:
        assert both.decide(request(ttl_ms=2_000)).answer == HERE


def test_other_clients_are_still_answered_there(site: Site) -> None:
    """Half of them ask what the server is bad at, all at once."""
    site.behaviours = {"bad": never, **{f"fine {number}": answer(THERE) for number in range(8)}}
    with closing(started(site.url)) as both, ThreadPoolExecutor(16) as workers:
        bad = [workers.submit(both.decide, request("bad", ttl_ms=2_000)) for _ in range(8)]
        fine = [workers.submit(both.decide, request(f"fine {number}")) for number in range(8)]
        assert {one.result().answer for one in bad} == {HERE}
        assert {one.result().answer for one in fine} == {THERE}


def test_the_server_may_go_and_come_back() -> None:
    """While it is away nothing is asked of it and the node says so; it is asked again once it has proven itself."""
    port = free_port()
    with ExitStack() as running:
        first = ExitStack()
        site = first.enter_context(serving(Site(behaviours={BRING.marked: answer(THERE)}), port))
        both = running.enter_context(closing(started(site.url)))
        assert both.decide(request()).answer == THERE
        first.close()
        assert both.decide(request()).answer == HERE
        assert both.missing[0].mode is Mode.NO_REMOTE
        assert "away" in both.facts["remote"]
        assert both.ready
        back = running.enter_context(serving(Site(behaviours={BRING.marked: answer(THERE)}), port))
        wait_for(lambda: not both.missing)
        assert both.decide(request()).answer == THERE
        assert len(back.questions(BRING.marked)) == 1


def test_nothing_waits_for_a_server_that_is_silent_from_the_start() -> None:
    with serving(Site(routes={"/v1/models": never})) as silent, closing(engine(silent.url)) as both:
        both.start()
        assert both.decide(request()).answer == HERE
        assert both.missing == (Degraded(Mode.NO_REMOTE, "not reached yet"),)


def test_a_withdrawn_question_is_not_asked_again_here(site: Site) -> None:
    site.behaviours[BRING.marked] = never
    asked_here: list[DecideRequest] = []

    def note(asked: DecideRequest) -> str:
        asked_here.append(asked)
        return HERE

    with closing(engine(site.url, ScriptedDecider(note))) as both, ThreadPoolExecutor(1) as worker:
        both.start()
        wait_for(lambda: not both.missing)
        waiting = worker.submit(both.decide, request(ttl_ms=60_000, ticket="c-1"))
        wait_for(lambda: bool(site.questions(BRING.marked)))
        both.withdraw("c-1")
        stopped = waiting.exception(PATIENCE_S)
    assert isinstance(stopped, ClientFault)
    assert stopped.code is Code.STOPPED
    assert asked_here == []


def test_the_schema_is_for_the_server_alone(site: Site) -> None:
    """The local engine reads the grammar; what it is handed holds nothing that it does not need."""
    site.behaviours[BRING.marked] = body(b"", 500)
    schemas: list[str] = []

    def note(asked: DecideRequest) -> str:
        schemas.append(asked.schema)
        return HERE

    with closing(engine(site.url, ScriptedDecider(note))) as both:
        both.start()
        wait_for(lambda: not both.missing)
        both.decide(request(schema='{"oneOf":[]}'))
    assert schemas == [""]


def test_when_neither_answers_it_is_the_local_engines_fault() -> None:
    def fail(_: DecideRequest) -> str:
        raise NodeFault(Code.ENGINE_CRASHED, "the engine's process died")

    with closing(engine(f"http://127.0.0.1:{free_port()}", ScriptedDecider(fail))) as both:
        both.start()
        with pytest.raises(NodeFault) as failed:
            both.decide(request())
    assert failed.value.code is Code.ENGINE_CRASHED


def test_without_a_fallback_there_is_only_the_server(site: Site) -> None:
    """It is asked with all of the time, and what fails there fails."""
    site.behaviours[BRING.marked] = body(b"", 500)
    alone = with_remote(
        RemoteOptions(site.url, prompt="bundled", fallback=False), (ROBOT,), ScriptedDecider(lambda _: HERE)
    )
    assert isinstance(alone, RemoteEngine)
    with closing(alone):
        alone.start()
        with pytest.raises(NodeFault) as failed:
            alone.decide(request())
    assert failed.value.code is Code.ENGINE_UNAVAILABLE


def test_a_closed_engine_answers_nothing_more(site: Site) -> None:
    both = started(site.url)
    both.close()
    with pytest.raises(NodeFault) as closed:
        both.decide(request())
    assert closed.value.code is Code.ENGINE_UNAVAILABLE
    assert not both.ready
