"""An interpreter that says anything: only checked actions, a reject or a coded error come out.

In process, through the grammar's reader, the resolver and the policy; a referee that shares no code with them looks at
what passes. A case is one answer.
"""

from __future__ import annotations

from pathlib import Path

from arbitrary_interpreter import campaign

from faults.campaign import Campaign, Result, Samples


def run(seed: int, cases: int, folder: Path) -> Result:
    """So many answers."""
    try:
        seen = campaign(cases, seed)
    except AssertionError as problem:
        return Result(cases, (str(problem),))
    return Result(sum(seen.values()), (), {str(what): [float(count)] for what, count in seen.items()})


def figure(samples: Samples) -> str:
    return ", ".join(f"{name} {sum(counts):,.0f}" for name, counts in sorted(samples.items()))


CAMPAIGN = Campaign(
    name="interpreter",
    promise="every action re-validated outside the model",
    how="arbitrary bytes, JSON and calls in the model's place, through resolver and policy, before a referee",
    cases=100_000,
    short=2_000,
    portion=50_000,
    run=run,
    figure=figure,
    unit="answers",
)
