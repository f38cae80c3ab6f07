"""A warehouse's list of errands: all asked at once, each followed to its end, nothing done that was not understood.

Run it beside a node with the robot pack:    python examples/errands.py "go to dock 3" "bring the red box to packing"
"""

import asyncio
import sys

from edge_agent.client import AsyncClient
from edge_agent.errors import EdgeAgentError
from edge_agent.messages import Answer, Outcome, Rejection

DONE = "FINISHED"


async def run_errands(texts: list[str]) -> int:
    """Ask for everything, show what became of it; returns how many errands were not done."""
    async with AsyncClient() as node:
        replies = await asyncio.gather(*(node.command(text, ttl_ms=60_000) for text in texts), return_exceptions=True)
        answers = [reply for reply in replies if isinstance(reply, Answer)]
        ends = {event.action_id: event.state.value async for event in node.follow(*answers)}
    results = [result_of(reply, ends) for reply in replies]
    for text, result in zip(texts, results, strict=True):
        print(f"{text}: {result}")
    return sum(result != DONE for result in results)


def result_of(reply: Answer | BaseException, ends: dict[str, str]) -> str:
    """One errand's end, in words."""
    match reply:
        case Answer(outcome=Outcome.ACTIONS):
            states = [ends[planned.action_id] for planned in reply.actions]
            return next((state for state in states if state != DONE), DONE)
        case Answer(reject=Rejection(reason=reason, candidates=candidates)):
            return " ".join([reason.value, *candidates])
        case Answer(outcome=outcome):
            return outcome.value
        case EdgeAgentError():
            return str(reply)
    raise reply


if __name__ == "__main__":
    sys.exit(min(asyncio.run(run_errands(sys.argv[1:])), 100))
