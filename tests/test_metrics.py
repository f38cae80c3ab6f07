"""What Prometheus gets to see: every metric counts what it says, and no sender can make another series."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from edge_agent import limits
from edge_agent.errors import Code
from edge_agent.messages import FROM_NODE, ActionState, Beat, Outcome
from edge_agent.messages.codec import Codec
from edge_agent.observe.events import (
    ActionChanged,
    CommandAccepted,
    CommandAnswered,
    ConfirmationChanged,
    HandshakeRefused,
    MessageRefused,
    NodeBeat,
    NodeEvent,
    StageCompleted,
    StopLatched,
)
from edge_agent.observe.metric_table import METRICS, PREFIX, Kind
from edge_agent.observe.metrics import Metrics
from edge_agent.observe.modes import MEANINGS, Degraded, Mode
from edge_agent.observe.vitals import Card, Child, MachineState, Temperature, Vitals
from edge_agent.settings import HealthSettings, load_settings

PAGE = (Path(__file__).parent.parent / "docs" / "health.md").read_text(encoding="utf-8")
MACHINE = MachineState(
    temperatures=(Temperature("0 cpu", 61.5, 95.0), Temperature("gpu0", 70.0)),
    cards=(Card("gpu0", 2_000, 8_000),),
    journal_bytes=4_096,
    disk_free_bytes=10_000,
)
VITALS = Vitals(
    uptime_ms=5_000.0,
    engine_ready=True,
    degraded=(Degraded(Mode.HOT, "gpu0 at 99 °C"),),
    stop_latched=True,
    commands=3,
    tasks=4,
    actions={"RUNNING": 1, "WAITING": 2},
    unconfirmed=1,
    robots={"arm": True, "van": False},
    entities={"robot": 3},
    audio_streams=2,
    journal_waiting=5,
    journal_owed=6,
    children={"engine": Child(True, 7)},
    loop_lag_ms=8.0,
    machine=MACHINE,
)


def samples(*events: NodeEvent) -> dict[tuple[str, ...], float]:
    """What a scrape shows of the node's own after these events: name and label values, to value."""
    metrics = Metrics(["robot", "home"])
    for event in events:
        metrics(event)
    return read(metrics.render().decode())


def read(text: str) -> dict[tuple[str, ...], float]:
    return {
        (one.name.removeprefix(PREFIX), *(value for label, value in one.labels.items() if label != "le")): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
        if one.name.startswith(PREFIX) and not one.name.endswith("_bucket")
    }


@pytest.mark.parametrize(
    ("event", "shown"),
    [
        pytest.param(CommandAccepted("c", "r", "robot", "arm", "go"), ("commands_accepted_total", "robot"), id="taken"),
        pytest.param(
            CommandAnswered("c", Outcome.REJECT, 12.0, pack="home"), ("answers_total", "reject", "home"), id="answered"
        ),
        pytest.param(
            CommandAnswered("c", Outcome.FAILED, 12.0, "ENGINE_CRASHED", "home"),
            ("failures_total", "ENGINE_CRASHED"),
            id="failed",
        ),
        pytest.param(CommandAnswered("c", Outcome.ACTIONS, 12.0, passes=7), ("passes_count",), id="passes"),
        pytest.param(MessageRefused("TOO_LONG", "…", None), ("refused_total", "TOO_LONG"), id="refused"),
        pytest.param(
            HandshakeRefused("10.0.0.9", "KEY_INVALID", "…"), ("handshakes_refused_total", "KEY_INVALID"), id="shut out"
        ),
        pytest.param(StageCompleted("c", "decide", 20.0), ("stage_seconds_count", "decide"), id="stage"),
        pytest.param(
            ActionChanged("a", "c", "arm", ActionState.RUNNING, ""), ("action_changes_total", "RUNNING"), id="action"
        ),
        pytest.param(ConfirmationChanged("a", "expired"), ("confirmations_total", "expired"), id="confirmation"),
        pytest.param(StopLatched("s", "said: stop", 1, 0.4), ("stop_seconds_count",), id="stop"),
        pytest.param(NodeBeat(1, VITALS), ("beats_total",), id="beat"),
    ],
)
def test_every_event_is_counted_where_it_belongs(event: NodeEvent, shown: tuple[str, ...]) -> None:
    """Once each; twice when it happens twice."""
    assert samples(event)[shown] == 1
    assert samples(event, event)[shown] == 2


def test_times_are_in_seconds() -> None:
    """As Prometheus wants them; the node's own are milliseconds."""
    shown = samples(StageCompleted("c", "decide", 20.0), CommandAnswered("c", Outcome.ACTIONS, 250.0, pack="robot"))
    assert shown["stage_seconds_sum", "decide"] == pytest.approx(0.02)
    assert shown["answer_seconds_sum", "robot"] == pytest.approx(0.25)


def test_a_beat_shows_how_the_node_is() -> None:
    """Every value of it, the machine's among them."""
    shown = samples(NodeBeat(1, VITALS))
    wanted = {
        ("uptime_seconds",): 5.0,
        ("engine_ready",): 1,
        ("degraded", "hot"): 1,
        ("degraded", "no_model"): 0,
        ("stop_latched",): 1,
        ("commands_in_flight",): 3,
        ("tasks",): 4,
        ("actions_open", "RUNNING"): 1,
        ("actions_open", "PAUSED"): 0,
        ("actions_unconfirmed",): 1,
        ("robot_present", "arm"): 1,
        ("robot_present", "van"): 0,
        ("world_entities", "robot"): 3,
        ("audio_streams",): 2,
        ("journal_waiting",): 5,
        ("journal_owed",): 6,
        ("child_ready", "engine"): 1,
        ("child_restarts", "engine"): 7,
        ("loop_lag_seconds",): 0.008,
        ("journal_bytes",): 4_096,
        ("disk_free_bytes",): 10_000,
        ("temperature_celsius", "0 cpu"): 61.5,
        ("temperature_trip_celsius", "0 cpu"): 95.0,
        ("gpu_memory_used_bytes", "gpu0"): 2_000,
        ("gpu_memory_bytes", "gpu0"): 8_000,
    }
    assert {name: shown[name] for name in wanted} == wanted
    assert ("temperature_trip_celsius", "gpu0") not in shown


def test_what_is_gone_is_no_longer_shown() -> None:
    """A sensor that fell silent must not stay at its last temperature."""
    without = Vitals(0.0, True, (), False, 0, 0)
    assert ("temperature_celsius", "gpu0") in samples(NodeBeat(1, VITALS))
    assert ("temperature_celsius", "gpu0") not in samples(NodeBeat(1, VITALS), NodeBeat(2, without))


def test_nobody_can_make_a_series_by_what_they_send() -> None:
    """Packs, codes, stages and outcomes that are not the node's own share one name; robots end at their limit."""
    strange = [f"x{number}" for number in range(1_000)]
    events: list[NodeEvent] = []
    for name in strange:
        events += [
            CommandAccepted("c", "r", name, name, name),
            CommandAnswered("c", Outcome.REJECT, 1.0, name, name),
            MessageRefused(name, name, name),
            HandshakeRefused(name, name, name),
            StageCompleted("c", name, 1.0),
        ]
    few = samples(*events[:5])
    assert samples(*events).keys() == few.keys()
    assert few["refused_total", "other"] == 1
    crowd = Vitals(0.0, True, (), False, 0, 0, robots=dict.fromkeys(strange, True))
    robots = [name for name in samples(NodeBeat(1, crowd)) if name[0] == "robot_present"]
    assert len(robots) == limits.ROBOTS_MAX


def test_the_page_names_every_metric() -> None:
    """Name, kind, labels and meaning, each as the code has it, and no other."""
    rows = re.findall(r"^\| `(edge_agent_\w+)` \| (\w+) \| ([^|]*) \| ([^|]+) \|$", PAGE, flags=re.MULTILINE)
    wanted = [
        (PREFIX + one.name, one.kind.value, ", ".join(f"`{label}`" for label in one.labels), one.meaning)
        for one in METRICS
    ]
    assert rows == wanted


def test_every_metric_of_the_table_is_shown_after_one_of_everything() -> None:
    """None of them is declared and then forgotten."""
    events: list[NodeEvent] = [
        CommandAccepted("c", "r", "robot", "arm", "go"),
        CommandAnswered("c", Outcome.FAILED, 1.0, Code.INTERNAL, "robot", 3),
        MessageRefused("TOO_LONG", "…", None),
        HandshakeRefused("10.0.0.9", "KEY_INVALID", "…"),
        StageCompleted("c", "decide", 1.0),
        ActionChanged("a", "c", "arm", ActionState.RUNNING, ""),
        ConfirmationChanged("a", "asked"),
        StopLatched("s", "said: stop", 1, 0.4),
        NodeBeat(1, VITALS),
    ]
    shown = {name[0] for name in samples(*events)}
    ends = {Kind.HISTOGRAM: "_count"}
    assert {one.name + ends.get(one.kind, "") for one in METRICS} <= shown


def test_the_page_names_every_mode() -> None:
    """With what works and what does not, as the code has it; and whether /healthz calls it ready."""
    rows = re.findall(r"^\| `([a-z_]+)` \| (yes|no) \| ([^|]+) \| ([^|]+) \|$", PAGE, flags=re.MULTILINE)
    wanted = [
        (mode.value, "yes" if meaning.ready else "no", meaning.works, meaning.lacks)
        for mode, meaning in MEANINGS.items()
    ]
    assert rows == wanted
    assert set(MEANINGS) == set(Mode)


def blocks(kind: str) -> list[str]:
    """The page's blocks of this kind."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


def test_the_settings_on_the_page_are_settings(tmp_path: Path) -> None:
    """Every field of the section, each with a value that is taken."""
    (block,) = blocks("toml")
    (tmp_path / "node.toml").write_text(block)
    load_settings(tmp_path / "node.toml")
    assert set(tomllib.loads(block)["health"]) == set(HealthSettings.model_fields)


def test_the_beat_on_the_page_is_one() -> None:
    """What is shown is what the codec reads."""
    (block,) = blocks("json")
    assert isinstance(Codec(FROM_NODE).decode(block.strip().encode()), Beat)


def test_the_alerts_on_the_page_are_about_metrics_that_there_are() -> None:
    """A scrape configuration, and three alerts."""
    scrape, alerts = (yaml.safe_load(block) for block in blocks("yaml"))
    assert scrape["scrape_configs"][0]["static_configs"]
    rules = alerts["groups"][0]["rules"]
    assert len(rules) == 3
    named = {name.removesuffix("_bucket") for rule in rules for name in re.findall(r"edge_agent_\w+", rule["expr"])}
    assert named <= {PREFIX + one.name for one in METRICS}
