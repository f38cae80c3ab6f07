"""Every request replayed 100 times, across restarts: each happens once.

A case is one replay that was sent to a living node and lies before an answer. The executor removes no duplicates, so
that a second delivery would be a second motion. Half the restarts are kills in the middle of the replays. Confirmations
are replayed as well: a token is good for one yes.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from edge_agent.messages import Confirm
from faults.campaign import Campaign, Result, Samples
from faults.lives import Lives

TIMES = 100
LIVES = 5
PAUSE_MS = 3


def run(seed: int, cases: int, folder: Path) -> Result:
    """`cases` replays: a hundredth as many requests; of few, five requests in two lives."""
    lives = Lives(seed, folder)
    replayed: Counter[str] = Counter()
    confirms: list[Confirm] = []
    times, count = (TIMES, LIVES) if cases >= TIMES * LIVES else (cases // 5, 2)
    for life in range(count):
        lives.node.start()
        lives.parties.connect(removes_duplicates=False)
        lives.look_back()
        if life == 0:
            for number in range(cases // times):
                if number % 5 == 4:
                    confirms += lives.confirm()
                else:
                    lives.ask(wait=number % 3 == 0)
        replayed += _replay(lives, confirms, times // count)
        lives.parties.pump(PAUSE_MS)
        if life % 2:
            lives.node.kill()
        else:
            lives.node.stop()
        lives.parties.leave()
    lives.last_life()
    times_begun = [float(n) for n in lives.parties.begun.values()]
    lives.violations += [f"doubled: {one} was begun {n} times" for one, n in lives.parties.begun.items() if n > 1]
    answered = {one for one in replayed if lives.parties.history.answers.get(one)}
    done = sum(n for one, n in replayed.items() if one in answered or one.startswith("y-"))
    return Result(done, tuple(lives.violations), {"actions begun": times_begun, "restarts": [float(count)]})


def _replay(lives: Lives, confirms: list[Confirm], times: int) -> Counter[str]:
    """Every request so many times, in an order of its own each time."""
    sent: Counter[str] = Counter()
    for _ in range(times):
        requests = [*lives.asked, *confirms]
        lives.rng.shuffle(requests)
        for request in requests:
            lives.parties.say(request)
            sent[request.request_id] += 1
            lives.parties.pump()
    lives.await_that(lambda: all(lives.answer_of(one) for one in lives.asked))
    return sent


def figure(samples: Samples) -> str:
    begun = samples.get("actions begun", [])
    return f"{len(begun)} actions begun, each {max(begun, default=0):.0f} time; {sum(samples['restarts']):.0f} restarts"


CAMPAIGN = Campaign(
    name="replay",
    promise="0 double dispatches",
    how="every request, confirmations too, sent 100 times in 5 lives, half of them ended by SIGKILL",
    cases=20_000,
    short=0,
    portion=5_000,
    run=run,
    figure=figure,
    unit="replays",
)
