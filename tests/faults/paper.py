"""What a stopped node left on the disk, read without the node's own code, and held against what was seen."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from edge_agent.messages import Outcome
from faults.history import History

ENDED = ("FINISHED", "FAILED")


@dataclass(frozen=True, slots=True)
class Paper:
    """The journal's own words."""

    states: dict[str, str]
    """By action id."""
    epochs: dict[str, int]
    answered: dict[str, bool]
    """By request id."""
    confirmed: frozenset[str]


def read_paper(state_dir: Path) -> Paper:
    """Read the journal of a node that does not run."""
    connection = sqlite3.connect(state_dir / "journal.db")
    try:
        actions = connection.execute("SELECT action_id, state, epoch FROM action").fetchall()
        commands = connection.execute("SELECT request_id, answer FROM command").fetchall()
        confirmations = connection.execute("SELECT action_id FROM confirmation WHERE outcome = 'confirmed'").fetchall()
    finally:
        connection.close()
    return Paper(
        states={action_id: state for action_id, state, _epoch in actions},
        epochs={action_id: epoch for action_id, _state, epoch in actions},
        answered={request_id: bool(answer) for request_id, answer in commands},
        confirmed=frozenset(action_id for (action_id,) in confirmations),
    )


def breaches(history: History, paper: Paper, epoch: int) -> list[str]:
    """What was said and is not on the disk; what is open there of an epoch before this one."""
    found = [
        f"unsettled: {action_id} of epoch {paper.epochs[action_id]} is {state} on the disk"
        for action_id, state in paper.states.items()
        if state not in ENDED and paper.epochs[action_id] < epoch
    ]
    for accepted in history.accepted:
        if accepted.request_id in history.stops:
            continue
        if accepted.request_id not in paper.answered:
            found.append(f"lost: {accepted.request_id} was accepted and is not on the disk")
        elif not paper.answered[accepted.request_id] and accepted.epoch < epoch:
            found.append(f"lost: {accepted.request_id} has no answer on the disk")
    for answers in history.answers.values():
        if answers[0].outcome is Outcome.ACTIONS:
            found += [
                f"lost: the action {planned.action_id} was promised and is not on the disk"
                for planned in answers[0].actions
                if planned.action_id not in paper.states
            ]
    found += [f"lost: the yes to {one} is not on the disk" for one in history.confirmed - paper.confirmed]
    return found
