"""The log: one line an event, what it leaves out, and that nobody can fill a disk or forge a line with it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from node_harness import Raw, fresh_node

from edge_agent import limits
from edge_agent.clock import ManualClock
from edge_agent.messages import ActionState, ErrorReply
from edge_agent.observe.events import (
    ActionChanged,
    CommandAccepted,
    MessageRefused,
    ModeChanged,
    NodeBeat,
    NodeChanged,
    NodeEvent,
    StageCompleted,
    StopLatched,
)
from edge_agent.observe.log import Level, Log, LogRules, level_of
from edge_agent.observe.modes import Mode
from edge_agent.observe.vitals import Vitals

CHANGED = ActionChanged("a-1-1-1", "c-1-1", "robot", ActionState.FAILED, "stopped")
REFUSED = MessageRefused("NOT_JSON", "no JSON object", None)
ACCEPTED = CommandAccepted("c-1-1", "r-1", "robot", "robot", "unlock the safe")
AS_JSON = LogRules(as_json=True)
BEAT = NodeBeat(1, Vitals(0.0, True, (), False, 0, 0))


def written(*events: NodeEvent, rules: LogRules = AS_JSON) -> str:
    """What a log writes of these events."""
    out = io.StringIO()
    log = Log(out, ManualClock(unix_ms=5), rules)
    for event in events:
        log(event)
    return out.getvalue()


def records(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_the_log_is_one_json_object_a_line() -> None:
    """Every field of the event, when it was and how much it matters; the single stages stay out."""
    assert records(written(CHANGED, StageCompleted("c-1-1", "link", 0.1))) == [
        {
            "wall_ms": 5,
            "level": "info",
            "event": "ActionChanged",
            "action_id": "a-1-1-1",
            "command_id": "c-1-1",
            "robot": "robot",
            "state": "FAILED",
            "reason": "stopped",
        }
    ]


def test_on_a_terminal_the_log_is_short_words() -> None:
    """Empty values are left out."""
    assert written(CHANGED, rules=LogRules(as_json=False)) == (
        "ActionChanged action_id=a-1-1-1 command_id=c-1-1 robot=robot state=FAILED reason=stopped\n"
    )


@pytest.mark.parametrize(
    ("event", "level"),
    [
        pytest.param(StageCompleted("c-1-1", "link", 0.1), Level.DEBUG, id="a stage"),
        pytest.param(CHANGED, Level.INFO, id="an action's state"),
        pytest.param(NodeChanged("node", "ready"), Level.INFO, id="the node is ready"),
        pytest.param(REFUSED, Level.WARNING, id="a refused message"),
        pytest.param(NodeChanged("ear", "away", "SPEECH_CRASHED"), Level.WARNING, id="something is away"),
        pytest.param(ModeChanged(Mode.HOT, True, "gpu0"), Level.WARNING, id="a mode begins"),
        pytest.param(ModeChanged(Mode.HOT, False, ""), Level.INFO, id="a mode is over"),
        pytest.param(NodeChanged("bug", "Traceback", "INTERNAL"), Level.ERROR, id="the node's own fault"),
    ],
)
def test_what_lies_below_the_level_is_not_written(event: NodeEvent, level: Level) -> None:
    """At its own level it is, one above it is not."""
    assert level_of(event) is level
    assert written(event, rules=LogRules(as_json=True, level=level))
    if level is not Level.ERROR:
        assert written(event, rules=LogRules(as_json=True, level=Level(level + 1))) == ""


def test_what_people_say_stays_out_unless_it_is_asked_for() -> None:
    """A command's words, and those of a stop that was said; a stop's given reason is meant for the log."""
    stops = [StopLatched("s-1-1", reason, 1) for reason in ("said: stop the thief", "someone in the aisle")]
    quiet = written(ACCEPTED, *stops)
    assert "safe" not in quiet and "thief" not in quiet
    assert [record.get("reason") for record in records(quiet)] == [None, "said", "someone in the aisle"]
    open_rules = LogRules(as_json=True, with_text=True)
    assert "unlock the safe" in written(ACCEPTED, rules=open_rules)
    assert "stop the thief" in written(*stops, rules=open_rules)


def test_a_flood_is_written_as_a_few_lines_and_a_number() -> None:
    """Ten thousand refusals: a window's lines, then how many were left out; other kinds are not touched."""
    clock = ManualClock()
    out = io.StringIO()
    log = Log(out, clock, AS_JSON)
    for _ in range(10_000):
        log(REFUSED)
    log(MessageRefused("TOO_LONG", "501 characters", "r-1"))
    assert len(out.getvalue().splitlines()) == limits.LOG_TROUBLES_MAX + 1
    clock.advance(limits.LOG_WINDOW_MS)
    log(BEAT)
    log(REFUSED)
    told, again = records(out.getvalue())[-2:]
    left_out = 10_000 - limits.LOG_TROUBLES_MAX
    assert (told["event"], told["what"], told["count"]) == ("LinesLeftOut", "MessageRefused NOT_JSON", left_out)
    assert again["code"] == "NOT_JSON"


def test_ordinary_work_may_write_more_and_not_without_bound() -> None:
    """Accepted commands are no trouble; still, one kind of line has its most."""
    assert len(written(*[ACCEPTED] * 5_000).splitlines()) == limits.LOG_LINES_MAX


def test_no_value_begins_a_line_or_moves_a_cursor() -> None:
    """A refused message cannot forge a line or speak to the terminal, and a long value is cut."""
    nasty = MessageRefused("NOT_JSON", "x\nNodeChanged what=node\x1b[2J\u202e\udc80", "r-1")
    text = written(nasty, rules=LogRules(as_json=False))
    assert text.count("\n") == 1 and text[:-1].isprintable()
    assert len(written(nasty).splitlines()) == 1
    long = MessageRefused("NOT_JSON", "y" * 100_000, None)
    assert len(written(long)) < limits.LOG_VALUE_CHARS_MAX + 200


def test_a_log_that_cannot_be_written_says_nothing() -> None:
    """A full disk under the log must not take the node's other ears away."""
    full = Path("/dev/full").open("w")  # noqa: SIM115 - closing it fails, which is the point
    log = Log(full, ManualClock(), AS_JSON)
    log(CHANGED)
    log(CHANGED)
    with pytest.raises(OSError, match="No space left"):
        full.close()


def test_a_client_that_sends_rubbish_cannot_fill_the_disk_through_the_log() -> None:
    """Two thousand broken messages to a real node: all are answered, few written; words are as the settings say."""
    for node in fresh_node(health={"log": "text", "log_text": True}):
        node.begin()
        node.wait_for_log("what=node detail=ready")
        with Raw(node.command_address) as raw, node.client() as client:
            for _ in range(2_000):
                raw.send(b"rubbish")
            for _ in range(2_000):
                raw.hear_a(ErrorReply)
            client.command("go to dock 3")
            node.wait_for_log("text=go to dock 3")
        assert node.log().count("NOT_JSON") == limits.LOG_TROUBLES_MAX
        assert node.stop() == 0
