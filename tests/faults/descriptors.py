"""More connections than the daemon has descriptors for: it lives, serves, stops, and recovers.

A case is one exhaustion: connections are opened until the daemon has closed them all because half of its descriptors
were taken. A client that was there before is among them; it asks again, with the same request id, and stops the robots.
Then the crowd leaves and a new client is served. libzmq aborts the process when there is no descriptor left at all.
"""

from __future__ import annotations

import contextlib
import random
import resource
import time
from pathlib import Path

from edge_agent.client import Client
from edge_agent.errors import Code, EdgeAgentError
from faults.campaign import Campaign, Result, Samples, spread
from faults.peers import Crowd, allow_many_descriptors
from faults.plan import FaultyNode, until

LIMIT = 4_096
CROWD = 3_000
RECOVERY_MAX_S = 10.0
EMPTIED = "too many connections"


def run(seed: int, cases: int, folder: Path) -> Result:
    """So many exhaustions of one life."""
    allow_many_descriptors(2 * CROWD)
    node = FaultyNode(folder)
    node.start()
    resource.prlimit(node.pid, resource.RLIMIT_NOFILE, (LIMIT, LIMIT))
    found: list[str] = []
    recovered: list[float] = []
    with node.client(answer_ms=400) as early:
        early.command("go to dock 3", ttl_ms=100)
        for number in range(cases):
            crowd = Crowd(node.command_address, random.Random(seed + number), CROWD)
            crowd.fill_up()
            began = time.monotonic()
            if not until(lambda: not node.alive or _commands_and_stops(early, f"r-{number}"), RECOVERY_MAX_S):  # noqa: B023
                found.append(f"a client that was there is not served for {RECOVERY_MAX_S:g} s")
            crowd.leave()
            if not until(lambda: not node.alive or _serves(node), RECOVERY_MAX_S):
                found.append(f"a new client is not served {RECOVERY_MAX_S:g} s after the crowd left")
            if not node.alive:
                found.append(f"crash\n{node.log()[-2000:]}")
                break
            if node.log().count(EMPTIED) > len(recovered):
                recovered.append(time.monotonic() - began)
    if node.alive and node.stop() != 0:
        found.append("crash: the node did not end well")
    return Result(len(recovered), tuple(found), {"recovered s": recovered})


def _commands_and_stops(client: Client, request_id: str) -> bool:
    """Whether a command and a stop come through; asked again until they do."""
    try:
        client.command("go to packing", request_id=request_id, ttl_ms=100)
        client.resume(client.halt("no descriptors").stop_id)
    except EdgeAgentError as problem:
        if problem.code is Code.STOPPED:
            with contextlib.suppress(EdgeAgentError):
                client.resume(str(client.snapshot().stop_id))
        return False
    return True


def _serves(node: FaultyNode) -> bool:
    try:
        with node.client() as client:
            return bool(client.snapshot().engine_ready)
    except EdgeAgentError:
        return False


def figure(samples: Samples) -> str:
    return f"an old and a new client served within {spread(samples, 'recovered s', 's')}"


CAMPAIGN = Campaign(
    name="descriptors",
    promise="no descriptor left: commands and stops go through, nothing crashes",
    how=f"a limit of {LIMIT} descriptors, {CROWD} connections more",
    cases=40,
    short=1,
    portion=40,
    run=run,
    figure=figure,
    unit="exhaustions",
)
