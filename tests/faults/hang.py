"""A child that stands still is replaced, and commands are answered on; so is one that is killed.

The real engine. A case is one SIGSTOP or SIGKILL of the engine's process with commands in its hands. Recovery is the
time until a command asked after it is answered with actions again. What was in the engine's hands is answered, too:
expired, or with the engine's own code.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from edge_agent.errors import Code
from edge_agent.messages import Outcome
from faults.campaign import Campaign, Result, Samples, spread
from faults.lives import Lives

TTL_MS = 1_500
AFTER_TTL_MS = 8_000
RECOVERED_MAX_S = 12.0
IN_HAND = 8
ENGINE_CODES = {Code.ENGINE_CRASHED, Code.ENGINE_UNAVAILABLE}


def run(seed: int, cases: int, folder: Path) -> Result:
    """One life of the node, many of its engine."""
    lives = Lives(seed, folder)
    lives.node.start("--model")
    lives.parties.connect()
    lives.look_back()
    recovered: dict[str, list[float]] = {"stopped s": [], "killed s": []}
    for number in range(cases):
        hung = number % 3 != 2
        (engine,) = [pid for pid, line in lives.node.children().items() if "language" in line]
        asked = [lives.ask("go to dock 3", wait=False, ttl_ms=TTL_MS) for _ in range(IN_HAND)]
        os.kill(engine, signal.SIGSTOP if hung else signal.SIGKILL)
        began = time.monotonic()
        took_s = _recovery(lives, began)
        if took_s is None:
            lives.violations.append(
                f"not answered again within {RECOVERED_MAX_S:g} s after {number + 1} ends of the engine"
            )
            break
        lives.await_that(lambda: all(lives.answer_of(one) for one in asked))  # noqa: B023
        answers = [answer for one in asked if (answer := lives.answer_of(one))]
        wrong = [
            one for one in answers if one.outcome is Outcome.FAILED and one.error and one.error.code not in ENGINE_CODES
        ]
        lives.violations += [f"{one.command_id} failed with {one.error.code}" for one in wrong if one.error]
        if hung and engine in lives.node.children():
            lives.violations.append("the stopped engine was not replaced")
        if any(one.outcome is not Outcome.ACTIONS for one in answers):
            recovered["stopped s" if hung else "killed s"].append(took_s)
    lives.node.kill()
    lives.parties.leave()
    return Result(sum(map(len, recovered.values())), tuple(lives.violations), recovered)


def _recovery(lives: Lives, began: float) -> float | None:
    """Ask until there are actions again; seconds since the engine's end."""
    while time.monotonic() - began < RECOVERED_MAX_S:
        answer = lives.answer_of(lives.ask("go to packing", ttl_ms=AFTER_TTL_MS))
        if answer is not None and answer.outcome is Outcome.ACTIONS:
            return time.monotonic() - began
    return None


def figure(samples: Samples) -> str:
    return f"stopped: {spread(samples, 'stopped s', 's')}; killed: {spread(samples, 'killed s', 's')}"


CAMPAIGN = Campaign(
    name="hang",
    promise="hang → restart ≤ 12 s",
    how="SIGSTOP, and SIGKILL, of the engine's process while it reads commands; asked again until it answers",
    cases=45,
    short=0,
    portion=45,
    run=run,
    figure=figure,
    unit="ends",
)
