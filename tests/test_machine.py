"""Temperatures and the rest of the machine, from a folder that looks like the kernel's."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from edge_agent import limits
from edge_agent.cli.doctor_health import health_detail, mode_detail
from edge_agent.errors import Code, ConfigurationFault
from edge_agent.observe.heat import COOLED_C, Heat
from edge_agent.observe.machine import Machine, read_zones
from edge_agent.observe.modes import MEANINGS, Mode
from edge_agent.observe.vitals import Temperature
from edge_agent.settings import HealthSettings


def zone(folder: Path, number: int, celsius: float | str, *, kind: str = "cpu-thermal", **trips_c: float) -> Path:
    """A thermal zone as Linux shows it; trips by their kind."""
    path = folder / f"thermal_zone{number}"
    path.mkdir(parents=True, exist_ok=True)
    (path / "type").write_text(f"{kind}\n")
    (path / "temp").write_text(celsius if isinstance(celsius, str) else f"{int(celsius * 1000)}\n")
    for place, (trip, trip_c) in enumerate(trips_c.items()):
        (path / f"trip_point_{place}_type").write_text(f"{trip}\n")
        (path / f"trip_point_{place}_temp").write_text(f"{int(trip_c * 1000)}\n")
    return path


def test_zones_are_read_with_their_lowest_trip_that_means_heat(tmp_path: Path) -> None:
    """A fan's trip means none, and neither does firmware's 0 or less; the numbers tell zones of one kind apart."""
    zone(tmp_path, 0, 45.5, active=40.0, passive=95.0, critical=105.0)
    zone(tmp_path, 1, 50.0, kind="GPU-therm", passive=-274.0)
    zone(tmp_path, 10, 51.0)
    assert read_zones(tmp_path) == (
        Temperature("0 cpu-thermal", 45.5, 95.0),
        Temperature("1 GPU-therm", 50.0, None),
        Temperature("10 cpu-thermal", 51.0, None),
    )


def test_what_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    """A sensor that is off, one that says nonsense, a folder that is not there, and more zones than are looked at."""
    zone(tmp_path, 0, "N/A\n")
    (tmp_path / "thermal_zone1").mkdir()
    zone(tmp_path, 2, 40.0, kind="we ird\n{name}")
    assert [one.name for one in read_zones(tmp_path)] == ["2 we_ird__name_"]
    assert read_zones(tmp_path / "none") == ()
    for number in range(100):
        zone(tmp_path, number, 40.0)
    assert len(read_zones(tmp_path)) == limits.ZONES_MAX


def test_hot_begins_at_the_trip_and_ends_a_little_below_it() -> None:
    """Between the two it stays what it was."""
    heat = Heat(None)
    assert heat.words([Temperature("0 cpu", 94.9, 95.0)]) == ""
    assert heat.words([Temperature("0 cpu", 95.0, 95.0)]) == "0 cpu at 95 °C (hot from 95)"
    assert heat.words([Temperature("0 cpu", 95.1 - COOLED_C, 95.0)])
    assert heat.words([Temperature("0 cpu", 94.9 - COOLED_C, 95.0)]) == ""
    assert heat.words([Temperature("0 cpu", 94.9, 95.0)]) == ""


@pytest.mark.parametrize(
    ("hot_c", "trip_c", "is_hot"),
    [
        pytest.param(None, None, False, id="nothing says what is hot"),
        pytest.param(70.0, None, True, id="the settings do"),
        pytest.param(70.0, 95.0, True, id="the settings are stricter"),
        pytest.param(90.0, 75.0, True, id="the trip is lower"),
        pytest.param(90.0, 95.0, False, id="neither is reached"),
    ],
)
def test_the_lower_of_setting_and_trip_counts(hot_c: float | None, trip_c: float | None, is_hot: bool) -> None:
    """Of 80 °C."""
    assert bool(Heat(hot_c).words([Temperature("0 cpu", 80.0, trip_c)])) is is_hot


def test_the_machine_is_looked_at_in_a_thread_of_its_own(tmp_path: Path) -> None:
    """What was read last is at hand at once; a journal that is not there has no size."""
    zone(tmp_path, 0, 45.0)
    (tmp_path / "journal.db").write_bytes(b"x" * 100)
    (tmp_path / "journal.db-wal").write_bytes(b"x" * 11)
    machine = Machine(tmp_path, tmp_path / "journal.db")
    try:
        while not machine.state.temperatures:
            time.sleep(0.005)
        assert machine.state.temperatures[0] == Temperature("0 cpu-thermal", 45.0, None)
        assert machine.state.journal_bytes == 111
        assert machine.state.disk_free_bytes
    finally:
        machine.close()


def test_doctor_says_what_is_set_and_how_warm_it_is(tmp_path: Path) -> None:
    """Noteworthy when something is hot; an address that others could reach is found before a start."""
    zone(tmp_path, 0, 61.0)
    zone(tmp_path, 1, 91.0, kind="GPU-therm")
    noteworthy, detail = health_detail(HealthSettings(thermal=tmp_path, metrics="127.0.0.1:9464", log_text=True))
    assert not noteworthy
    assert "metrics at 127.0.0.1:9464; log auto, from info on, with what people say" in detail
    assert "hottest: 1 GPU-therm, 91 °C" in detail
    assert health_detail(HealthSettings(thermal=tmp_path, hot_c=80))[0]
    with pytest.raises(ConfigurationFault) as refused:
        health_detail(HealthSettings(thermal=tmp_path, metrics="0.0.0.0:9464"))
    assert refused.value.code is Code.INSECURE_BIND


def test_doctor_explains_the_modes_that_a_node_names() -> None:
    """What works and what does not; a name of a later edition is shown as it came."""
    name, detail = mode_detail("no_journal: disk I/O error: full")
    meaning = MEANINGS[Mode.NO_JOURNAL]
    assert name == "no_journal"
    assert detail == f"disk I/O error: full; what works: {meaning.works}; what does not: {meaning.lacks}"
    assert mode_detail("no_compass: lost") == ("no_compass", "lost")
