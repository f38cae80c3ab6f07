"""One command from its words to the end of its actions, as `say` and `demo` show it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

from edge_agent.cli.answers import label, show_answer
from edge_agent.cli.exit_codes import Exit, exit_of_outcome
from edge_agent.cli.screen import Screen
from edge_agent.client import Client
from edge_agent.errors import Code, NodeFault
from edge_agent.messages import ActionState, Answer, PlannedAction

_STYLE = {ActionState.FINISHED: "green", ActionState.FAILED: "red"}
_NODES_OWN = frozenset({ActionState.WAITING, ActionState.INITIALIZING})
"""States that say nothing yet of the robot; people are not shown them."""

Decide = Callable[[PlannedAction], bool]
"""Whether to say yes to an action that needs it."""


def say(
    client: Client, screen: Screen, text: str, fields: Mapping[str, str | int | None], *, agree: Decide, follow: bool
) -> tuple[Answer, Exit]:
    """Send one command, show its answer, settle what waits for a yes, and follow its actions.

    Raises:
        EdgeAgentError: what the node refused the command with.
    """
    answer = client.command(text, **fields)  # type: ignore[arg-type]
    show(screen, answer)
    return answer, settle(client, screen, answer, agree=agree, follow=follow)


def show(screen: Screen, answer: Answer) -> None:
    """Show an answer, to people or to programs."""
    screen.record(answer.model_dump(mode="json", exclude_none=True))
    show_answer(screen, answer)


def settle(client: Client, screen: Screen, answer: Answer, *, agree: Decide, follow: bool) -> Exit:
    """Settle what waits for a yes, and follow the answer's actions."""
    for planned in answer.actions:
        if planned.confirmation is not None and not _confirm(client, screen, planned, agree):
            return Exit.OK
    if not follow or not answer.actions:
        return exit_of_outcome(answer.outcome)
    return _follow(client, screen, answer)


def ask_at_terminal(_planned: PlannedAction) -> bool:
    """Ask whoever sits there; nobody there is a no."""
    return sys.stdin.isatty() and input("confirm it now? [y/N] ").strip().lower() == "y"


def _confirm(client: Client, screen: Screen, planned: PlannedAction, agree: Decide) -> bool:
    assert planned.confirmation is not None
    screen.line(
        label("confirm", "yellow"),
        f"edge-agent confirm {planned.action_id} {planned.digest} {planned.confirmation.token}",
        (f"  within {planned.confirmation.expires_in_ms / 1000:.0f} s", "dim"),
    )
    if not agree(planned):
        return False
    client.confirm(planned)
    screen.line(label("confirmed", "green"), planned.action_id)
    return True


def _follow(client: Client, screen: Screen, answer: Answer) -> Exit:
    failed = False
    try:
        for event in client.follow(answer):
            failed = failed or event.state is ActionState.FAILED
            screen.record(event.model_dump(mode="json", exclude_none=True))
            if event.state in _NODES_OWN:
                continue
            style = _STYLE.get(event.state, "")
            reason = f"  {event.reason}" if event.reason else ""
            screen.line(label(event.robot), event.action_id, (f"  {event.state.value}", style), (reason, "dim"))
    except NodeFault as problem:
        if problem.code is not Code.NO_ANSWER:
            raise
        screen.note((f"the end was not seen: {problem.message}", "yellow"))
    return Exit.FAILED if failed else Exit.OK
