"""The fault campaign in short: every campaign once, small; and every checker is shown what it must find."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from faults import history as checks
from faults.campaign import Campaign, Result, merged, percentile
from faults.history import Delivery, History
from faults.measure import slope
from faults.paper import Paper, breaches
from faults.plan import end_all
from faults.points import FUNCTIONS, MESSAGES, POINTS, STATEMENTS
from faults.report import Told, table, verdicts, write
from faults.state import Portion, State, portions
from faults.table import CAMPAIGNS, named

from edge_agent.errors import Code
from edge_agent.messages import Accepted, Answer, Failure, Outcome, PlannedAction, Timings
from edge_agent.messages.answer import Confirmation

SHORT = [campaign for campaign in CAMPAIGNS if campaign.short]


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ea-", dir="/tmp") as name:  # a unix socket's path is limited
        try:
            yield Path(name)
        finally:
            end_all()


@pytest.mark.parametrize("campaign", [pytest.param(one, id=one.name) for one in SHORT])
def test_a_promise_holds_in_short(campaign: Campaign, folder: Path) -> None:
    """A few real cases of each; `make faults` runs the thousands."""
    result = campaign.run(1, campaign.short, folder)
    assert result.violations == ()
    assert result.cases > 0, "the short run really did something"
    assert campaign.figure(dict(result.samples))


def action(epoch: int = 1, command: int = 1, position: int = 1, *, yes: bool = False) -> PlannedAction:
    return PlannedAction(
        action_id=f"a-{epoch}-{command}-{position}",
        robot="robot",
        action={"action": "go_to", "place": "dock 3"},
        digest="0" * 64,
        tier=2,
        confirmation=Confirmation(token="t", expires_in_ms=1.0) if yes else None,
    )


def answer(
    outcome: Outcome = Outcome.ACTIONS, command: str = "c-1-1", *, total_ms: float = 1.0, yes: bool = False
) -> Answer:
    return Answer(
        request_id="r-1",
        command_id=command,
        epoch=1,
        outcome=outcome,
        actions=(action(yes=yes),) if outcome is Outcome.ACTIONS else (),
        timings=Timings(total_ms=total_ms),
        error=Failure(code=Code.RESTARTED, message="") if outcome is Outcome.FAILED else None,
    )


def delivery(*, life: int = 1, at_ms: float = 900.0, removes: bool = True, quiet: bool = False) -> Delivery:
    return Delivery("a-1-1-1", "c-1-1", 1, life, at_ms, removes, quiet)


def good() -> History:
    """One command, answered twice alike, its action delivered once in its time."""
    history = History(may_begin_until_ms={"r-1": 1_000.0})
    history.accepted.append(Accepted(request_id="r-1", command_id="c-1-1", epoch=1))
    history.answers["r-1"] = [answer(), answer(total_ms=9.0)]
    history.deliveries.append(delivery())
    history.open_after_start.append((1, 0))
    return history


def test_a_good_history_breaks_nothing() -> None:
    assert checks.violations(good()) == [] == checks.late(good())


def lose(history: History) -> None:
    history.answers.clear()


def answer_as_another(history: History) -> None:
    history.answers["r-1"] = [answer(command="c-2-1")]


def take_twice(history: History) -> None:
    history.accepted.append(Accepted(request_id="r-1", command_id="c-1-2", epoch=1))


def deliver_twice(history: History) -> None:
    history.deliveries = [delivery(removes=False), delivery(removes=False)]


def deliver_in_a_later_life(history: History) -> None:
    history.deliveries = [delivery(life=2)]


def deliver_unasked(history: History) -> None:
    history.deliveries = [delivery(quiet=True)]


def answer_otherwise(history: History) -> None:
    history.answers["r-1"].append(answer(Outcome.EXPIRED))


def leave_open(history: History) -> None:
    history.open_after_start.append((2, 1))


def call_what_moved_restarted(history: History) -> None:
    history.answers["r-1"] = [answer(Outcome.FAILED)]


@pytest.mark.parametrize(
    ("doctor", "found"),
    [
        (lose, "lost"),
        (answer_as_another, "lost"),
        (take_twice, "doubled"),
        (deliver_twice, "doubled"),
        (deliver_in_a_later_life, "moved"),
        (deliver_unasked, "moved"),
        (answer_otherwise, "changed"),
        (leave_open, "unsettled"),
        (call_what_moved_restarted, "moved"),
    ],
    ids=lambda value: value.__name__ if callable(value) else value,
)
def test_a_doctored_history_is_found_out(doctor: Callable[[History], None], found: str) -> None:
    history = good()
    doctor(history)
    assert [what for what in checks.violations(history) if what.startswith(found)]


def test_lateness_is_judged_by_the_executors_clock() -> None:
    """One millisecond past time and tolerance is late; what waited for a yes has another clock."""
    history = good()
    history.deliveries = [delivery(at_ms=1_000.0 + checks.TOLERANCE_MS)]
    assert checks.late(history) == []
    history.deliveries = [delivery(at_ms=1_001.0 + checks.TOLERANCE_MS)]
    assert len(checks.late(history)) == 1
    history.answers["r-1"] = [answer(yes=True)]
    assert checks.late(history) == []


def test_paper_that_lacks_what_was_said_is_found_out() -> None:
    """Each thing that was acknowledged must be on the disk, and nothing of an earlier epoch open there."""
    history = good()
    history.confirmed.add("a-1-1-1")
    whole = {"states": {"a-1-1-1": "FINISHED"}, "epochs": {"a-1-1-1": 1}, "answered": {"r-1": True}}
    paper = Paper(**whole, confirmed=frozenset({"a-1-1-1"}))
    assert breaches(history, paper, 2) == []
    for part, value in (
        ("states", {}),
        ("states", {"a-1-1-1": "RUNNING"}),
        ("answered", {}),
        ("answered", {"r-1": False}),
    ):
        assert breaches(history, Paper(**{**whole, part: value}, confirmed=paper.confirmed), 2), part
    assert breaches(history, Paper(**whole, confirmed=frozenset()), 2)


def test_a_slope_is_that_of_the_line() -> None:
    exact = slope([0.0, 1.0, 2.0, 3.0], [5.0, 7.0, 9.0, 11.0])
    assert exact.rise == pytest.approx(2.0) and exact.half_width == pytest.approx(0.0)
    assert slope([0.0, 1.0, 2.0, 3.0], [0.0, 1.0, 0.0, 1.0]).half_width > 0.2
    assert percentile(range(1, 101), 0.99) == 99


def test_judges_see_what_is_too_slow_and_what_grows() -> None:
    stop, soak, subscribers = named("stop"), named("soak"), named("subscribers")
    assert not stop.judge({"stop ms": [1.0] * 100}) and stop.judge({"stop ms": [1.0] * 97 + [21.0] * 3})
    at = [float(second) for second in range(0, 1_800, 5)]
    steady = {"at s": at, "memory MB": [160.0] * len(at), "descriptors": [30.0] * len(at)}
    growing = [160.0 + 2.0 * second / 3_600 for second in at]
    assert not soak.judge(steady)
    assert soak.judge({**steady, "memory MB": growing}) and soak.judge({**steady, "descriptors": [*at]})
    assert subscribers.judge({"alone ms": [1.0], "beside ms": [9.0]})


def test_every_point_is_where_it_was() -> None:
    """A function that moves would make a kill that never happens; it is an error instead."""
    assert len(set(POINTS)) == 2 * (len(FUNCTIONS) + len(STATEMENTS) + len(MESSAGES))
    script = "from faults.points import watch; watch(print)"
    assert subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parent, check=False).returncode == 0


def test_a_run_that_was_cut_off_goes_on(tmp_path: Path) -> None:
    """Portions that are done are not run again; a campaign's portions add up to its cases."""
    kill = named("kill")
    parts = portions(kill, 7, 1.0)
    assert sum(part.cases for part in parts) == kill.cases and len({part.seed for part in parts}) == len(parts)
    assert [part.cases for part in portions(kill, 7, 0.0001)] == [1]
    state = State(tmp_path / "state.json", resume=False)
    state.add(parts[0], Result(50, ("lost",), {"commands": [3.0]}), 1.5)
    again = State(tmp_path / "state.json", resume=True)
    assert again.result_of(parts[0]) == Result(50, ("lost",), {"commands": [3.0]})
    assert again.result_of(parts[1]) is None and again.seconds_of(parts[0]) == 1.5
    assert State(tmp_path / "state.json", resume=False).result_of(parts[0]) is None


def test_the_report_counts_what_happened_and_stands_in_its_document(tmp_path: Path) -> None:
    """Not one case is a breach of its own; the table replaces the old one, and only that."""
    kill = named("kill")
    told = Told(kill, merged([Result(2, ()), Result(1, ("lost: r-1",))]), 3.0, (1, 2))
    assert "| 3 kills | 1 |" in table([told])
    assert verdicts(Told(kill, Result(0), 1.0, (1,))) == ["not one case happened"]
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- faults: begin -->\nold\n<!-- faults: end -->\nafter\n")
    write(page, "new")
    assert page.read_text() == "before\n<!-- faults: begin -->\nnew\n<!-- faults: end -->\nafter\n"
    page.write_text("no place")
    with pytest.raises(ValueError, match="faults: begin"):
        write(page, "new")


def test_a_portion_is_named_by_what_reproduces_it() -> None:
    assert json.loads(Result(1).to_json()) == {"cases": 1, "violations": [], "samples": {}}
    assert Portion(named("frames"), 3, 25_000).key == "frames seed 3 cases 25000"
