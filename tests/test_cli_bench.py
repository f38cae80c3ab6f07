"""`bench`: figures add up, what measures nothing is refused, and real nodes are asked from socket to socket."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from engine_models import write_tiny

from edge_agent.benchmarking.samples import Cost, Sample, Way, percentile, way_rows
from edge_agent.benchmarking.sentences import sentences
from edge_agent.benchmarking.tables import load_table
from edge_agent.benchmarking.trips import Trip, load_row, node_row
from edge_agent.benchmarking.ways import asked_of, compare
from edge_agent.benchmarking.worlds import few_of, grown, world_toml
from edge_agent.cli import main
from edge_agent.cli.exit_codes import Exit
from edge_agent.language.options import EngineOptions
from edge_agent.packs.registry import SHIPPED, load_pack
from edge_agent.safety.stop import is_stop
from edge_agent.world.loading import load_world

PACK = load_pack("robot")


def records(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_the_ways_of_one_model_stand_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Five ways, the stock one first; ratios, bytes and the floor's share follow from the other figures."""
    page, pictures = tmp_path / "page" / "bench.md", tmp_path / "pictures"
    line = ["bench", "--only", "ways", "--sentences", "6", "--json", "--markdown", str(page), "--plots", str(pictures)]
    assert main(line) == Exit.OK
    found = records(capsys)
    ways = {row["way"]: row for row in found if row["part"] == "ways"}
    assert list(ways) == ["stock", "plain", "forced", "right", "wrong"]
    for row in ways.values():
        assert row["sentences"] == 6
        assert row["alike"] == 6
        assert row["passes_ratio"] == pytest.approx(ways["stock"]["passes_mean"] / row["passes_mean"])
        moved = row["moved_gb"] / row["passes_mean"]
        assert moved == pytest.approx(ways["stock"]["moved_gb"] / ways["stock"]["passes_mean"])
        assert row["floor_share"] == pytest.approx(
            1000 * row["moved_gb"] / row["bandwidth_gb_s"] / row["total_mean_ms"]
        )
    assert ways["stock"]["time_ratio"] == 1.0
    assert ways["stock"]["passes_mean"] == ways["stock"]["tokens_mean"] + 1
    assert ways["right"]["passes_mean"] == 1.0
    assert ways["right"]["passes_mean"] < ways["forced"]["passes_mean"] < ways["plain"]["passes_mean"]
    agreements = [row for row in found if row["part"] == "agreement"]
    assert {row["way"] for row in agreements} == {"stock", "plain", "right", "wrong"}
    assert all(row["unequal"] == 0 for row in agreements)
    assert page.read_text(encoding="utf-8").count("\n|") == 2 + 5
    assert (pictures / "ways.png").read_bytes().startswith(b"\x89PNG")


def test_random_weights_are_measured_as_well(tmp_path: Path) -> None:
    """A model that knows nothing answers in every way alike; every byte is a token, so there is one way to spell it."""
    model = write_tiny(tmp_path / "tiny.gguf", merges=0)
    asked = asked_of(PACK, load_world(PACK.example_world or tmp_path), 4, seed=2)
    found = compare(asked, EngineOptions(model=model, n_gpu_layers=0), lambda: None)
    assert found.stock_fault == ""
    assert all(len(samples) == 4 for samples in found.samples.values())
    ours = [way for way in found.samples if way is not Way.STOCK]
    assert all(len({found.samples[way][place].answer for way in ours}) == 1 for place in range(4))
    assert all(one.unequal == 0 for one in found.agreements())


def test_nodes_are_asked_from_socket_to_socket(capsys: pytest.CaptureFixture[str]) -> None:
    """Two journals and two sizes of world, the same commands to each; the stages make up the time in the node."""
    line = ["bench", "--only", "node", "--only", "entities", "--entities", "10,300", "--sentences", "5", "--json"]
    assert main(line) == Exit.OK
    found = records(capsys)
    assert [row["part"] for row in found] == ["node", "node", "entities", "entities"]
    assert found[0]["node"] == "journal in memory"
    assert [row["node"] for row in found[2:]] == ["10 entities", "300 entities"]
    for row in found:
        assert row["commands"] == 5
        assert 0 < row["actions"] <= 5
        assert 0.0 < row["decide_p50_ms"] < row["node_p50_ms"] < row["trip_p50_ms"] <= row["trip_p95_ms"]
        assert row["outside_p50_ms"] > 0.0
        first = found[0] if row["part"] == "node" else found[2]
        assert row["ratio"] == pytest.approx(row["trip_p50_ms"] / first["trip_p50_ms"])


def test_many_clients_share_one_node(capsys: pytest.CaptureFixture[str]) -> None:
    """Every command of every client is answered in time, and throughput is told against one client's."""
    line = ["bench", "--only", "clients", "--clients", "1,4", "--sentences", "8", "--json"]
    assert main(line) == Exit.OK
    one, four = records(capsys)
    assert (one["clients"], one["ratio"]) == (1, 1.0)
    assert four["clients"] == 4
    for row in (one, four):
        assert (row["commands"], row["expired"], row["late"], row["failed"]) == (8, 0, 0, 0)
        assert row["per_s"] == pytest.approx(8 / row["seconds"])
    assert four["ratio"] == pytest.approx(four["per_s"] / one["per_s"])


@pytest.mark.parametrize(
    ("line", "start"),
    [
        pytest.param(["--model", "gone.gguf"], "MODEL_MISSING: ", id="no such model"),
        pytest.param(["--pack", "ship"], "UNKNOWN_PACK: ", id="no such pack"),
        pytest.param(["--world", "gone.toml"], "WORLD_INVALID: gone.toml: ", id="no such world"),
        pytest.param(["--sentences", "0"], "BENCH_INVALID: --sentences 0: ", id="no sentences"),
        pytest.param(["--sentences", "-3"], "BENCH_INVALID: --sentences -3: ", id="fewer than none"),
        pytest.param(["--sequences", "65"], "BENCH_INVALID: --sequences 65: ", id="too many at once"),
        pytest.param(["--threads", "0"], "BENCH_INVALID: --threads 0: ", id="no threads"),
        pytest.param(["--ttl-ms", "0"], "BENCH_INVALID: --ttl-ms 0: ", id="no time"),
        pytest.param(["--clients", "1,x"], "BENCH_INVALID: --clients 1,x: ", id="no number of clients"),
        pytest.param(["--clients", "0"], "BENCH_INVALID: --clients 0: ", id="no clients"),
        pytest.param(["--entities", ""], "BENCH_INVALID: --entities : ", id="no world"),
        pytest.param(["--entities", "9999999"], "BENCH_INVALID: --entities 9999999: ", id="a world beyond limits"),
    ],
)
def test_what_measures_nothing_is_refused(line: list[str], start: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is started, with the option's name."""
    assert main(["bench", "--only", "ways", *line]) == Exit.CONFIGURATION
    shown = capsys.readouterr()
    assert shown.err.startswith(start)
    assert shown.out == ""


def test_a_page_that_cannot_be_written_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    line = ["bench", "--only", "ways", "--sentences", "1", "--markdown", str(tmp_path / "file" / "page.md")]
    assert main(line) == Exit.CONFIGURATION
    assert capsys.readouterr().err.startswith(f"BENCH_INVALID: {tmp_path}/file/page.md: cannot be written")


def sample(answer: str, passes: int, first_ms: float, rest_ms: float) -> Sample:
    return Sample(answer, tokens=passes - 1, passes=passes, first_ms=first_ms, rest_ms=rest_ms)


def test_ratios_are_of_the_sentences_that_both_answer_alike() -> None:
    """A longer wrong answer would make the shorter right one look faster than it is."""
    samples = {
        Way.STOCK: [sample("a", 10, 20.0, 80.0), sample("longer", 30, 20.0, 280.0)],
        Way.FORCED: [sample("a", 4, 10.0, 30.0), sample("b", 6, 10.0, 50.0)],
    }
    stock, forced = way_rows(samples, Cost(pass_bytes=1_000_000_000, bandwidth_gb_s=100.0))
    assert (stock.passes_ratio, stock.time_ratio, stock.alike) == (1.0, 1.0, 2)
    assert (forced.passes_ratio, forced.time_ratio, forced.alike) == (10 / 4, 100.0 / 40.0, 1)
    assert forced.passes_mean == 5.0
    assert forced.moved_gb == 5.0
    assert forced.floor_share == pytest.approx((4 + 6) * 10.0 / (40.0 + 60.0))


def test_one_sentence_that_the_machine_held_up_does_not_decide_how_much_faster_a_way_is() -> None:
    """Of time the ratio is the median sentence's."""
    samples = {
        Way.STOCK: [sample("a", 4, 0.0, 20.0), sample("b", 4, 0.0, 30.0), sample("c", 4, 0.0, 90_000.0)],
        Way.FORCED: [sample("a", 2, 0.0, 10.0), sample("b", 2, 0.0, 10.0), sample("c", 2, 0.0, 10.0)],
    }
    assert way_rows(samples, Cost(1_000, 1.0))[1].time_ratio == 3.0


def test_without_the_stock_way_there_are_no_ratios() -> None:
    """Where llama-cpp-python dies on this processor, ours is measured all the same."""
    [row] = way_rows({Way.STOCK: [], Way.FORCED: [sample("a", 4, 1.0, 2.0)]}, Cost(1_000, 1.0))
    assert (row.passes_ratio, row.time_ratio, row.alike) == (None, None, 0)


def test_percentiles_lie_between_values() -> None:
    assert percentile([1.0, 2.0, 3.0], 50) == 2.0
    assert percentile([0.0, 10.0], 95) == 9.5


def trip(ms: float, end: str, total: float = 0.0, decide: float = 0.0) -> Trip:
    stages = dict.fromkeys(("admit", "journal", "link", "grammar", "queue", "resolve", "dispatch", "other"), 0.0)
    return Trip(ms, end, 3, {**stages, "total": total, "decide": decide}, "marked")


def test_only_commands_that_ended_in_actions_count_for_a_nodes_times() -> None:
    row = node_row("n", [trip(9.0, "actions", 8.0, 6.0), trip(11.0, "actions", 10.0, 7.0), trip(1.0, "reject", 1.0)])
    assert (row.commands, row.actions) == (3, 2)
    assert (row.trip_p50_ms, row.node_p50_ms, row.decide_p50_ms, row.outside_p50_ms) == (10.0, 9.0, 6.5, 2.5)


def test_a_crowds_ends_are_told_apart() -> None:
    """In time, late, expired, and what is neither; only answers count for throughput."""
    trips = [trip(900.0, "actions", 890.0), trip(1_200.0, "reject", 1_150.0), trip(1_001.0, "expired", 1_000.0)]
    row = load_row(2, [*trips, Trip(1.0, "QUEUE_FULL", 0, {}, "")], seconds=2.0, ttl_ms=1_000, one_per_s=0.5)
    assert (row.commands, row.expired, row.late, row.failed) == (4, 1, 1, 1)
    assert (row.per_s, row.ratio) == (1.0, 2.0)


def test_what_nobody_answered_has_no_percentile_and_is_still_json() -> None:
    row = load_row(1, [trip(5.0, "expired", 5.0)], seconds=1.0, ttl_ms=5, one_per_s=None)
    [record] = load_table("t", [row]).records
    assert record["trip_p50_ms"] is None
    json.dumps(record, allow_nan=False)


@pytest.mark.parametrize("name", SHIPPED)
def test_sentences_come_from_the_packs_phrases_and_never_stop(name: str) -> None:
    """Equal seeds give equal sentences, all different, about the few things of a small world."""
    pack = load_pack(name)
    few = few_of(load_world(pack.example_world or Path()).entities, 10)
    said = sentences(pack, few, 40, seed=3)
    assert said == sentences(pack, few, 40, seed=3)
    assert said != sentences(pack, few, 40, seed=4)
    assert len(set(said)) == 40
    assert not any(is_stop(text, prefix=pack.stop_prefix) for text in said)
    assert any(entity.name in text for entity in few for text in said)


def test_a_larger_world_begins_with_the_smaller_one(tmp_path: Path) -> None:
    """It is a world that a node reads, of exactly the size asked for, and the same each time."""
    few = few_of(load_world(PACK.example_world or Path()).entities, 10)
    larger = grown(few, PACK, 500, seed=1)
    assert larger[:10] == few
    assert larger == grown(few, PACK, 500, seed=1)
    path = tmp_path / "world.toml"
    path.write_text(world_toml(larger), encoding="utf-8")
    assert list(load_world(path).entities) == larger
