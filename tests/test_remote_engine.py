"""A server elsewhere that answers garbage, late or never: each has its outcome, and other clients notice nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from engine_models import BRING
from remote_rig import CLOCK, GOOD, GRAMMAR, engine, request
from remote_servers import (
    PATIENCE_S,
    Behaviour,
    Site,
    answer,
    body,
    break_off,
    completion,
    drip,
    drip_headers,
    hang_up,
    in_turn,
    never,
    serving,
    speak_no_http,
    wait_for,
)

from edge_agent.errors import ClientFault, Code, EdgeAgentError, NodeFault
from edge_agent.language.decision import DecideRequest
from edge_agent.limits import REMOTE_RESPONSE_BYTES_MAX


@pytest.fixture
def site() -> Iterator[Site]:
    with serving(Site()) as running:
        yield running


def test_a_good_server_is_believed(site: Site) -> None:
    """It finds out what the server is, proves that it keeps to a grammar, and hands its answer on."""
    site.behaviours[BRING.marked] = answer(GOOD)
    with closing(engine(site, prompt="chat")) as remote:
        assert remote.ready
        assert remote.missing == ()
        facts = {"engine": "remote", "url": site.url, "dialect": "vllm", "model": "some-model", "held_to": "grammar"}
        assert facts.items() <= remote.facts.items()
        decision = remote.decide(request())
        assert (decision.answer, decision.confidence, decision.tokens) == (GOOD, 1.0, 7)
        (asked,) = site.questions(BRING.marked)
        assert asked.path == "/v1/chat/completions"
        assert asked.body["structured_outputs"] == {"grammar": GRAMMAR}
        assert asked.body["messages"][0]["role"] == "system"


def test_what_means_the_same_is_put_in_order(site: Site) -> None:
    """Spaces and another order of keys are a server's own way to write the answer."""
    loose = '[ {"destination": "me", "source": 2, "object": 1, "action": "bring"} ]\n'
    site.behaviours[BRING.marked] = answer(loose)
    with closing(engine(site)) as remote:
        assert remote.decide(request()).answer == GOOD


def test_probabilities_of_the_tokens_make_the_confidence(site: Site) -> None:
    """Their product is what the answer is worth; asked for only where the first question showed that there are any."""
    tokens = {"content": [{"token": "a", "logprob": -0.5}, {"token": "b", "logprob": -0.25}]}
    site.first = answer('[{"action":"reject","reason":"ambiguous"}]', logprobs=tokens)
    site.behaviours[BRING.marked] = answer(GOOD, logprobs=tokens)
    with closing(engine(site)) as remote:
        assert remote.decide(request()).confidence == pytest.approx(0.4723665)
        assert site.questions(BRING.marked)[0].body["logprobs"] == 1


def test_a_server_that_knows_no_probabilities_is_not_asked_for_them(site: Site) -> None:
    """The first question is asked again without; every answer counts for what the settings say."""
    site.first = in_turn(body(b'{"error":"logprobs are not supported"}', 500), site.first)
    site.behaviours[BRING.marked] = answer(GOOD)
    with closing(engine(site, confidence=0.9)) as remote:
        assert remote.decide(request()).confidence == 0.9
        assert "logprobs" not in site.questions(BRING.marked)[0].body
        assert "0.9" in remote.facts["probabilities"]


GARBAGE = [
    pytest.param(body(b""), id="nothing"),
    pytest.param(body(b"\xff\xfe\x00"), id="no text"),
    pytest.param(body(b"<html><body>Sign in first</body></html>", kind="text/html"), id="a page to sign in"),
    pytest.param(body(b"[" * 100_000), id="brackets without end"),
    pytest.param(body(b"[1, 2]"), id="a list"),
    pytest.param(body(b"{}"), id="an object without choices"),
    pytest.param(body(b'{"choices": []}'), id="no choice"),
    pytest.param(body(b'{"choices": [{"message": {"content": null}}]}'), id="no content"),
    pytest.param(body(b'{"choices": [{"message": {"content": 3}}]}'), id="a number for content"),
    pytest.param(body(b'{"choices": 1, "choices": []}'), id="a key twice"),
    pytest.param(body(json.dumps({"choices": [{"message": {"content": "\ud800"}}]}).encode()), id="half a character"),
    pytest.param(answer(""), id="an empty answer"),
    pytest.param(answer("Sure! Here is the JSON you asked for:"), id="small talk"),
    pytest.param(answer(f"```json\n{GOOD}\n```"), id="a fence around it"),
    pytest.param(answer(GOOD[:-9], finish_reason="length"), id="cut off"),
    pytest.param(answer(GOOD[:-1]), id="half an answer"),
    pytest.param(answer(GOOD + GOOD), id="two answers"),
    pytest.param(answer('[{"action":"bring"}]'), id="nothing to bring"),
    pytest.param(answer(GOOD.replace('"me"', "7")), id="a mention that the sentence does not have"),
    pytest.param(answer(GOOD.replace("1", "1.0")), id="a number that is no label"),
    pytest.param(answer(GOOD.replace("1", "true")), id="true for one"),
    pytest.param(answer('[{"action":"launch_missiles"}]'), id="an action that the pack does not have"),
    pytest.param(answer("[" + ",".join([GOOD[1:-1]] * 7) + "]"), id="more actions than a sentence may have"),
    pytest.param(answer("x" * 20_000), id="an answer without end"),
    pytest.param(body(b"x" * (REMOTE_RESPONSE_BYTES_MAX + 1)), id="more bytes than are read"),
]


@pytest.mark.parametrize("behaviour", GARBAGE)
def test_garbage_is_no_answer(site: Site, behaviour: Behaviour) -> None:
    """Whatever was promised, only an answer of the sentence's own grammar is one; the next one is asked as ever."""
    site.behaviours[BRING.marked] = in_turn(behaviour, answer(GOOD))
    with closing(engine(site)) as remote:
        with pytest.raises(NodeFault) as refused:
            remote.decide(request())
        assert refused.value.code is Code.OUTPUT_INVALID
        assert len(site.questions(BRING.marked)) == 1, "garbage is not asked for twice"
        assert remote.decide(request()).answer == GOOD


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(body(b"no", 401), id="401"),
        pytest.param(body(b"no", 403), id="403"),
        pytest.param(body(b"no", 404), id="404"),
        pytest.param(body(b"no", 422), id="422"),
        pytest.param(body(b"no", 500), id="500"),
        pytest.param(body(b"no", 503), id="503 every time"),
        pytest.param(body(b"no", 429), id="429 every time"),
        pytest.param(body(b"", 302, Location="http://127.0.0.1:1/"), id="a redirect, which is not followed"),
        pytest.param(hang_up, id="it hangs up every time"),
        pytest.param(break_off, id="it breaks off every time"),
        pytest.param(speak_no_http, id="it speaks no HTTP"),
    ],
)
def test_a_server_that_does_not_serve_is_unavailable(site: Site, behaviour: Behaviour) -> None:
    site.behaviours[BRING.marked] = behaviour
    with closing(engine(site)) as remote:
        with pytest.raises(NodeFault) as refused:
            remote.decide(request())
        assert refused.value.code is Code.ENGINE_UNAVAILABLE


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(body(b"", 503), id="busy"),
        pytest.param(body(b"", 429), id="too many requests"),
        pytest.param(body(b"", 429, **{"Retry-After": "0"}), id="too many requests, with a time"),
        pytest.param(hang_up, id="it hangs up"),
        pytest.param(break_off, id="it breaks off"),
    ],
)
def test_a_passing_trouble_is_asked_again_within_the_time(site: Site, behaviour: Behaviour) -> None:
    site.behaviours[BRING.marked] = in_turn(behaviour, behaviour, answer(GOOD))
    with closing(engine(site)) as remote:
        assert remote.decide(request()).answer == GOOD
        assert len(site.questions(BRING.marked)) == 3
        assert remote.ready


def test_nothing_is_asked_again_when_the_time_would_not_last(site: Site) -> None:
    """The server asks for a pause that is longer than the command is worth."""
    site.behaviours[BRING.marked] = body(b"", 429, **{"Retry-After": "3600"})
    with closing(engine(site)) as remote:
        with pytest.raises(NodeFault) as refused:
            remote.decide(request())
        assert refused.value.code is Code.ENGINE_UNAVAILABLE
        assert len(site.questions(BRING.marked)) == 1


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(never, id="never"),
        pytest.param(drip, id="a byte now and then"),
        pytest.param(drip_headers, id="headers a byte now and then"),
    ],
)
def test_late_is_expired_and_the_server_hears_of_it(site: Site, behaviour: Behaviour) -> None:
    """At the deadline the connection is closed, so that the server can stop."""
    site.behaviours[BRING.marked] = behaviour
    with closing(engine(site)) as remote:
        with pytest.raises(ClientFault) as late:
            remote.decide(request(ttl_ms=300))
        assert late.value.code is Code.EXPIRED
        assert site.hung_up.wait(PATIENCE_S)


def test_the_setting_bounds_a_try_before_the_deadline_does(site: Site) -> None:
    """timeout_ms: the command has time left, so it is the server that is not to be had."""
    site.behaviours[BRING.marked] = never
    with closing(engine(site, timeout_ms=200)) as remote:
        with pytest.raises(NodeFault) as refused:
            remote.decide(request())
        assert refused.value.code is Code.ENGINE_UNAVAILABLE
        assert "200 ms" in refused.value.message


def test_a_deadline_that_has_passed_asks_nothing(site: Site) -> None:
    site.behaviours[BRING.marked] = answer(GOOD)
    with closing(engine(site)) as remote:
        with pytest.raises(ClientFault) as late:
            remote.decide(request(ttl_ms=0))
        assert late.value.code is Code.EXPIRED
        assert site.questions(BRING.marked) == []
        assert remote.ready


def test_a_question_can_be_withdrawn(site: Site) -> None:
    """Whoever waits gets STOPPED at once, and the connection is closed."""
    site.behaviours[BRING.marked] = never
    with closing(engine(site)) as remote, ThreadPoolExecutor(1) as worker:
        waiting = worker.submit(remote.decide, request(ticket="c-1"))
        wait_for(lambda: bool(site.questions(BRING.marked)))
        remote.withdraw("c-2")
        assert not waiting.done()
        remote.withdraw("c-1")
        stopped = waiting.exception(PATIENCE_S)
        assert isinstance(stopped, ClientFault)
        assert stopped.code is Code.STOPPED
        assert site.hung_up.wait(PATIENCE_S)
        assert remote.ready


def test_closing_ends_what_is_waited_for(site: Site) -> None:
    site.behaviours[BRING.marked] = never
    remote = engine(site)
    with ThreadPoolExecutor(1) as worker:
        waiting = worker.submit(remote.decide, request())
        wait_for(lambda: bool(site.questions(BRING.marked)))
        remote.close()
        ended = waiting.exception(PATIENCE_S)
    assert isinstance(ended, NodeFault)
    assert ended.code is Code.ENGINE_UNAVAILABLE
    with pytest.raises(NodeFault):
        remote.decide(request())
    assert not remote.ready


def test_other_clients_notice_nothing(site: Site) -> None:
    """Many ask at once, every other one about a sentence that goes wrong; each has its own outcome."""
    wrong = {
        "drips": (drip, Code.EXPIRED),
        "silent": (never, Code.EXPIRED),
        "page": (body(b"<html>"), Code.OUTPUT_INVALID),
        "error": (body(b"", 500), Code.ENGINE_UNAVAILABLE),
    }
    site.behaviours = {name: behaviour for name, (behaviour, _) in wrong.items()}
    site.behaviours |= {f"fine {number}": answer(GOOD) for number in range(12)}

    def outcome(marked: str) -> Code | str:
        try:
            return remote.decide(request(marked, ttl_ms=400 if marked in ("drips", "silent") else 20_000)).answer
        except EdgeAgentError as problem:
            return problem.code

    with closing(engine(site)) as remote, ThreadPoolExecutor(16) as workers:
        outcomes = dict(zip(site.behaviours, workers.map(outcome, site.behaviours), strict=True))
    assert {name: outcomes[name] for name in wrong} == {name: code for name, (_, code) in wrong.items()}
    assert {outcomes[f"fine {number}"] for number in range(12)} == {GOOD}


def test_connections_are_kept(site: Site) -> None:
    """One after the other they take one connection, the look at the server included."""
    site.behaviours[BRING.marked] = answer(GOOD)
    with closing(engine(site)) as remote:
        for _ in range(5):
            remote.decide(request())
    assert len({asked.connection for asked in site.asked}) == 1


def test_a_kept_connection_that_the_server_has_closed_costs_nothing(site: Site) -> None:
    site.behaviours[BRING.marked] = answer(GOOD)

    def answer_and_end(talk: Any) -> None:
        talk.reply(completion(GOOD))
        talk.end()

    site.behaviours["[1 last] one"] = answer_and_end
    with closing(engine(site)) as remote:
        remote.decide(request("[1 last] one"))
        assert remote.decide(request()).answer == GOOD


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"pack": "garden"}, Code.ENGINE_UNAVAILABLE, id="a pack it has no prompt for"),
        pytest.param({"grammar": "root ::= ("}, Code.GRAMMAR_INVALID, id="a broken grammar"),
    ],
)
def test_a_bad_request_is_not_held_against_the_server(site: Site, changes: dict[str, str], code: Code) -> None:
    fields = {"pack": "robot", "marked": BRING.marked, "grammar": GRAMMAR} | changes
    with closing(engine(site)) as remote:
        for _ in range(4):
            with pytest.raises(NodeFault) as refused:
                remote.decide(DecideRequest(**fields, deadline_ms=CLOCK.now_ms() + 5_000))
            assert refused.value.code is code
        assert remote.ready
        assert site.questions(BRING.marked) == []


def test_three_bad_answers_in_a_row_and_it_is_away_until_it_proves_itself(site: Site) -> None:
    site.behaviours[BRING.marked] = answer("no")
    site.behaviours["[1 fine]"] = answer(GOOD)
    with closing(engine(site)) as remote:
        for _ in range(2):
            with pytest.raises(NodeFault):
                remote.decide(request())
        remote.decide(request("[1 fine]"))  # what goes well in between counts
        site.first = body(b"", 500)
        for _ in range(3):
            assert remote.ready
            with pytest.raises(NodeFault):
                remote.decide(request())
        assert not remote.ready
        asked = len(site.questions(BRING.marked))
        with pytest.raises(NodeFault) as refused:
            remote.decide(request())
        assert refused.value.code is Code.ENGINE_UNAVAILABLE
        assert len(site.questions(BRING.marked)) == asked
        site.first = Site().first
        assert remote.wait_ready(PATIENCE_S)
        assert remote.restarts == 1
        assert remote.decide(request("[1 fine]")).answer == GOOD


def test_clients_in_a_hurry_do_not_make_it_count_as_away(site: Site) -> None:
    """Being late says nothing about a server that was given no time."""
    site.behaviours[BRING.marked] = never
    with closing(engine(site)) as remote:
        for _ in range(5):
            with pytest.raises(ClientFault):
                remote.decide(request(ttl_ms=20))
        assert remote.ready
