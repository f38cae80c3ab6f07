"""What `make run` shows: a whole node, a robot and a client, on this very machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from edge_agent.cli.demo import SCRIPT, Line

WANTED: dict[str, list[dict[str, Any]]] = {
    "go to packing": [{"action": "go_to", "place": "packing"}],
    "bring the red box from dock three to packing": [
        {"action": "bring", "object": "red box", "source": "dock 3", "destination": "packing"}
    ],
    "go to dock 2 and then turn left ninety degrees": [
        {"action": "go_to", "place": "dock 2"},
        {"action": "turn", "direction": "left", "angle_deg": 90},
    ],
    "hand the scanner to maria": [{"action": "bring", "object": "scanner", "destination": "maria"}],
    "go to the swimming pool": [],
    "turn on the lights": [{"action": "HassTurnOn", "domain": "light", "area": "Kitchen"}],
    "set the thermostat to 21 degrees": [
        {"action": "HassClimateSetTemperature", "name": "Thermostat", "temperature": 21}
    ],
    "unlock the front door": [{"action": "HassTurnOff", "name": "Front Door"}],
    "my day was awful": [],
    "a large latte with oat milk please": [
        {"action": "order_drink", "drink": "latte", "size": "large", "milk": "oat milk"}
    ],
    "two espressos": [{"action": "order_drink", "drink": "espresso", "quantity": 2}],
    "stop": [],
}


@pytest.fixture(scope="module")
def records() -> list[dict[str, Any]]:
    """Everything the demonstration says to programs, in order; it ends with 0 and no prompt."""
    command = [sys.executable, "-m", "edge_agent", "demo", "--json"]
    done = subprocess.run(
        command,
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=280,
        env=dict(os.environ),
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_every_line_has_an_answer(records: list[dict[str, Any]]) -> None:
    """Eight commands and more, of three packs, at least two of them refused; each has exactly one answer."""
    answers = [record for record in records if record["type"] == "answer"]
    assert len(answers) == len(SCRIPT) >= 8
    assert {line.pack for line in SCRIPT} == {"robot", "home", "kiosk"}
    assert sum(answer["outcome"] == "reject" for answer in answers) >= 2


@pytest.mark.parametrize("line", [pytest.param(line, id=line.text) for line in SCRIPT])
def test_line_ends_as_it_must(records: list[dict[str, Any]], line: Line) -> None:
    """The actions are the ones that the words ask for, or the refusal has the right reason."""
    answer = [record for record in records if record["type"] == "answer"][SCRIPT.index(line)]
    assert [planned["action"] for planned in answer.get("actions", [])] == WANTED[line.text]
    assert answer["outcome"] == line.outcome
    assert answer.get("reject", {}).get("reason") == line.reason
    timings = dict(answer["timings"])
    assert timings.pop("total_ms") == pytest.approx(sum(timings.values()), abs=0.05)


def test_every_action_is_finished(records: list[dict[str, Any]]) -> None:
    """The robot acknowledges and finishes each action."""
    planned = [one["action_id"] for record in records for one in record.get("actions", [])]
    finished = [record["action_id"] for record in records if record.get("state") == "FINISHED"]
    assert finished == planned
