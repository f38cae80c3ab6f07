"""What a restart makes of what had not ended: nothing moves by itself, and whoever asked gets an answer. Pure.

An action that waited becomes FAILED/restart; one that the robot may have got becomes FAILED/unknown_outcome. A command
without an answer gets one, `failed` with RESTARTED, which the client reads by asking again with the same request id.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from edge_agent.errors import Code
from edge_agent.messages import ActionState, Answer, Failure, Outcome
from edge_agent.messages.codec import encode
from edge_agent.node.lifecycle import REASONS, advance, after_restart
from edge_agent.observe.history import Past
from edge_agent.observe.records import Row, TransitionRow


def settle_past(past: Past, epoch: int, wall_ms: int) -> tuple[Row, ...]:
    """The rows to write before anything is taken in this epoch."""
    starts = (replace(row, ended="nobody wrote down") for row in past.unended)
    return (*starts, *_settle_actions(past, epoch, wall_ms), *_settle_commands(past))


def _settle_actions(past: Past, epoch: int, wall_ms: int) -> Iterator[Row]:
    for row in past.open_actions:
        event = after_restart(ActionState(row.state))
        if event is None:
            continue
        state, reason = advance(ActionState(row.state), event), REASONS[event]
        yield replace(row, state=state, reason=reason)
        yield TransitionRow(epoch, wall_ms, row.action_id, event, state, reason)


def _settle_commands(past: Past) -> Iterator[Row]:
    for row in past.unanswered:
        answer = Answer(
            request_id=row.request_id,
            command_id=row.command_id,
            epoch=row.epoch,
            outcome=Outcome.FAILED,
            error=Failure(
                code=Code.RESTARTED, message="the node was restarted before it had an answer; nothing was sent"
            ),
        )
        yield replace(row, outcome=Outcome.FAILED, answer=encode(answer).decode())
