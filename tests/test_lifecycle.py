"""The table of an action's states: what it allows, what it refuses, and that the documentation shows the same one."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from edge_agent.errors import ClientFault, Code
from edge_agent.messages import ActionState
from edge_agent.node.lifecycle import ENDED, IN_FLIGHT, REASONS, REPORTED, TABLE, Event, advance, after_restart

DOCUMENT = Path(__file__).parents[1] / "docs" / "lifecycle.md"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"


def table_text() -> str:
    """The table as the documentation shows it: a row a state, a column a state it can become."""
    after = [state for state in ActionState if state is not ActionState.WAITING]
    lines = ["| from \\ to | " + " | ".join(after) + " |", "|---" * (len(after) + 1) + "|"]
    for state, moves in TABLE.items():
        cells = (", ".join(event for event, target in moves.items() if target is one) or " " for one in after)
        lines.append(f"| {state} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def test_the_documentation_shows_this_table() -> None:
    """After a change of the table, put what `table_text` returns between the two marks."""
    shown = DOCUMENT.read_text().split(BEGIN)[1].split(END)[0].strip()
    assert shown == table_text()


def test_every_state_has_a_row_and_the_ends_are_ends() -> None:
    assert set(TABLE) == set(ActionState)
    assert {ActionState.FINISHED, ActionState.FAILED} == ENDED
    assert set(ActionState) - ENDED - {ActionState.WAITING} == IN_FLIGHT


@pytest.mark.parametrize(("state", "event"), list(product(ActionState, Event)))
def test_an_event_moves_as_the_table_says_or_is_refused(state: ActionState, event: Event) -> None:
    """And a refused one leaves the table as it was."""
    before = {key: dict(moves) for key, moves in TABLE.items()}
    if event in TABLE[state]:
        assert advance(state, event) is TABLE[state][event]
    else:
        with pytest.raises(ClientFault) as refused:
            advance(state, event)
        assert refused.value.code is Code.ILLEGAL_STATE
    assert before == TABLE


@pytest.mark.parametrize("state", [state for state in ActionState if state not in ENDED])
def test_a_stop_and_a_restart_end_every_open_state(state: ActionState) -> None:
    restart = after_restart(state)
    assert restart is not None
    assert advance(state, Event.STOP) is advance(state, restart) is ActionState.FAILED


def test_a_restart_says_unknown_outcome_only_of_what_the_robot_may_have_got() -> None:
    said = {state: REASONS[event] for state in ActionState if (event := after_restart(state)) is not None}
    assert said == {
        ActionState.WAITING: "restart",
        ActionState.INITIALIZING: "unknown_outcome",
        ActionState.RUNNING: "unknown_outcome",
        ActionState.PAUSED: "unknown_outcome",
        ActionState.RETRIABLE: "unknown_outcome",
    }


def test_nothing_is_sent_twice_or_reported_before_it_was_sent() -> None:
    """SEND leads from WAITING alone; no report touches a waiting action."""
    assert [state for state, moves in TABLE.items() if Event.SEND in moves] == [ActionState.WAITING]
    assert not set(REPORTED.values()) & set(TABLE[ActionState.WAITING])
