"""The node's small deciders: values in, values out."""

from __future__ import annotations

import pytest

from edge_agent import limits
from edge_agent.clock import ManualClock
from edge_agent.errors import ClientFault, Code
from edge_agent.messages import FROM_NODE, Accepted, ActionState, Answer, OpenAction, Outcome, Snapshot
from edge_agent.messages.codec import Codec, encode
from edge_agent.node.confirm import Confirmations
from edge_agent.node.dialogue import NAMES_KEPT, Dialogues
from edge_agent.node.recovery import settle_past
from edge_agent.node.requests import Answered, Open, Requests
from edge_agent.node.snapshot import within_frame
from edge_agent.node.spans import Spans
from edge_agent.observe.events import NodeChanged, NodeEvent, Stream
from edge_agent.observe.history import Past
from edge_agent.observe.records import ActionRow, CommandRow, TransitionRow
from edge_agent.packs.registry import load_pack

DIGEST, OTHER_DIGEST = "0" * 64, "1" * 64


def refused(code: Code, work: object, *arguments: object) -> None:
    """Calling it is refused with this code."""
    with pytest.raises(ClientFault) as problem:
        work(*arguments)  # type: ignore[operator]
    assert problem.value.code is code


def test_a_yes_counts_once() -> None:
    confirmations = Confirmations(1_000)
    asked = confirmations.ask("a", DIGEST, 0.0)
    confirmations.redeem("a", DIGEST, asked.token, 999.0)
    refused(Code.CONFIRMATION_UNKNOWN, confirmations.redeem, "a", DIGEST, asked.token, 999.0)


def test_a_wrong_yes_burns_the_right_one() -> None:
    confirmations = Confirmations(1_000)
    asked = confirmations.ask("a", DIGEST, 0.0)
    refused(Code.CONFIRMATION_MISMATCH, confirmations.redeem, "a", OTHER_DIGEST, asked.token, 1.0)
    refused(Code.CONFIRMATION_UNKNOWN, confirmations.redeem, "a", DIGEST, asked.token, 1.0)


@pytest.mark.parametrize("looked", [True, False], ids=["after a look at the clock", "before one"])
def test_a_late_yes_is_told_from_an_unknown_one(looked: bool) -> None:
    confirmations = Confirmations(1_000)
    asked = confirmations.ask("a", DIGEST, 0.0)
    if looked:
        confirmations.expire(1_000.0)
    refused(Code.CONFIRMATION_EXPIRED, confirmations.redeem, "a", DIGEST, asked.token, 1_000.0)
    refused(Code.CONFIRMATION_EXPIRED, confirmations.redeem, "a", DIGEST, asked.token, 1_001.0)


def test_tokens_differ() -> None:
    confirmations = Confirmations(1_000)
    assert len({confirmations.ask(f"a-{number}", DIGEST, 0.0).token for number in range(100)}) == 100


def answer(request_id: str) -> Answer:
    return Answer(request_id=request_id, command_id="c-1-1", epoch=1, outcome=Outcome.REJECT)


def test_the_same_request_joins_and_then_finds_its_answer() -> None:
    requests = Requests()
    assert requests.known("r", DIGEST, b"one") is None
    requests.begin("r", DIGEST, b"one")
    assert isinstance(requests.known("r", DIGEST, b"two"), Open)
    assert isinstance(requests.known("r", DIGEST, b"two"), Open)
    assert requests.accept("r", Accepted(request_id="r", command_id="c-1-1", epoch=1)) == (b"one", b"two")
    refused(Code.SAME_ID_DIFFERENT_CONTENT, requests.known, "r", OTHER_DIGEST, b"one")
    assert requests.finish("r", answer("r")) == (b"one", b"two")
    assert requests.known("r", DIGEST, b"three") == Answered(DIGEST, answer("r"))
    refused(Code.SAME_ID_DIFFERENT_CONTENT, requests.known, "r", OTHER_DIGEST, b"one")


def test_only_so_many_commands_are_worked_on_and_answers_kept() -> None:
    requests = Requests()
    for number in range(limits.COMMANDS_IN_FLIGHT_MAX):
        requests.begin(f"r-{number}", DIGEST, b"one")
    refused(Code.QUEUE_FULL, requests.begin, "more", DIGEST, b"one")
    requests.abandon("r-0")
    requests.begin("more", DIGEST, b"one")
    requests.finish("more", answer("more"))
    for number in range(limits.ANSWERS_KEPT):
        requests.begin(f"x-{number}", DIGEST, b"one")
        requests.finish(f"x-{number}", answer(f"x-{number}"))
    assert requests.known("more", DIGEST, b"one") is None
    assert requests.known("x-0", DIGEST, b"one") is not None


def test_what_was_spoken_of_last_comes_first_and_each_session_has_its_own() -> None:
    pack, home = load_pack("robot"), load_pack("home")
    dialogues = Dialogues()
    dialogues.remember(pack, "s", [{"action": "go_to", "place": "dock 3"}])
    dialogues.remember(pack, "s", [{"action": "bring", "object": "red box", "source": "shelf"}, {"action": "dock"}])
    assert dialogues.of(pack, "s").recent == ("shelf", "red box", "dock 3")
    dialogues.remember(pack, "s", [{"action": "go_to", "place": "dock 3"}])
    assert dialogues.of(pack, "s").recent == ("dock 3", "shelf", "red box")
    assert dialogues.of(pack, "t").recent == dialogues.of(home, "s").recent == ()


def test_dialogues_are_bounded() -> None:
    pack = load_pack("robot")
    dialogues = Dialogues()
    for number in range(NAMES_KEPT + 5):
        dialogues.remember(pack, "first", [{"action": "go_to", "place": f"dock {number}"}])
    assert len(dialogues.of(pack, "first").recent) == NAMES_KEPT
    for number in range(limits.SESSIONS_MAX):
        dialogues.remember(pack, f"s-{number}", [{"action": "go_to", "place": "dock 3"}])
    assert dialogues.of(pack, "first").recent == ()


def test_spans_add_up_and_claim_nothing_twice() -> None:
    clock = ManualClock()
    spans = Spans(clock, clock.now_ms())
    clock.advance(2)
    spans.until_now("admit_ms")
    with spans.stage("journal_ms"):
        clock.advance(3)
    spans.add({"decide_ms": 0.5, "queue_ms": 0.25})
    clock.advance(1)
    with spans.stage("journal_ms"):
        clock.advance(4)
    timings = spans.timings()
    assert (timings.admit_ms, timings.journal_ms, timings.decide_ms, timings.queue_ms) == (2, 7, 0.5, 0.25)
    assert (timings.other_ms, timings.total_ms) == (0.25, 10)


def test_a_restart_settles_what_was_open_and_answers_what_was_asked() -> None:
    command = CommandRow("c-1-1", "local", "r-1", DIGEST, 1, "robot", "robot", "go to dock 3", 2000, 0)
    waiting = ActionRow("a-1-1-1", "c-1-1", 1, 1, "robot", "{}", DIGEST, 2, "WAITING", "", 0)
    running = ActionRow("a-1-2-1", "c-1-2", 1, 1, "robot", "{}", DIGEST, 2, "RUNNING", "", 1)
    rows = settle_past(Past(1, (command,), (waiting, running)), 2, 5)
    actions = {row.action_id: (row.state, row.reason) for row in rows if isinstance(row, ActionRow)}
    assert actions == {"a-1-1-1": ("FAILED", "restart"), "a-1-2-1": ("FAILED", "unknown_outcome")}
    assert {row.epoch for row in rows if isinstance(row, TransitionRow)} == {2}
    (settled,) = (row for row in rows if isinstance(row, CommandRow))
    told = Answer.model_validate_json(settled.answer)
    assert (told.request_id, told.outcome, told.epoch) == ("r-1", Outcome.FAILED, 1)
    assert told.error is not None and told.error.code is Code.RESTARTED


def test_a_listener_that_breaks_is_left_out_and_the_others_hear_on(capsys: pytest.CaptureFixture[str]) -> None:
    heard: list[NodeEvent] = []

    def broken(_event: NodeEvent) -> None:
        raise RuntimeError("the log is broken")

    stream = Stream(broken, heard.append)
    for _ in range(2):
        stream.tell(NodeChanged("node", "ready"))
    assert len(heard) == 2
    assert capsys.readouterr().err.count("RuntimeError: the log is broken") == 1


def test_states_on_the_wire_are_the_tables() -> None:
    """VDA 5050's names, nothing added."""
    assert [str(state) for state in ActionState] == [
        "WAITING",
        "INITIALIZING",
        "RUNNING",
        "PAUSED",
        "RETRIABLE",
        "FINISHED",
        "FAILED",
    ]


def test_a_snapshot_fits_one_frame_whatever_the_actions_say() -> None:
    """Many open actions with long texts in wide letters: some are left out, and it says so."""
    one = OpenAction(
        command_id="c-1-1",
        action_id="a-1-1-1",
        robot="robot",
        action={"action": "say", "text": "ж" * 200},
        state=ActionState.WAITING,
    )
    fields = {"request_id": "r", "epoch": 1, "event_seq": 1, "version": "0", "packs": ("robot",), "engine_ready": True}
    short = Snapshot(**fields, open=(one,) * 3)
    assert within_frame(short) is short
    cut = within_frame(Snapshot(**fields, open=(one,) * limits.SNAPSHOT_ACTIONS_MAX))
    assert cut.truncated and 50 < len(cut.open) < limits.SNAPSHOT_ACTIONS_MAX
    assert Codec(FROM_NODE).decode(encode(cut)) == cut
