"""`plan` as a person types it, and as a program reads it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from engine_models import write_tiny

from edge_agent.cli import main
from edge_agent.cli.exit_codes import Exit
from edge_agent.language.models import bundled_model, header_of
from edge_agent.planning.devices import GIB, PRESETS
from edge_agent.planning.shapes import NAMED

Shown = pytest.CaptureFixture[str]
ON_ONE_CARD = "--shape llama-3-8b --device rtx-4090 --ctx 4096"
DOCS = (Path(__file__).parent.parent / "docs" / "planning.md").read_text(encoding="utf-8")
SPLIT = "--shape llama-3-70b --device rtx-4090 --ctx 4096"
TOO_LARGE = "--shape llama-3.1-405b --device rtx-3060"


@pytest.fixture
def _no_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """No card is found, whatever the machine has."""
    monkeypatch.setenv("PATH", "")


def planned(shown: Shown, *words: str, end: Exit = Exit.OK) -> dict[str, Any]:
    """What --json wrote: one object."""
    assert main(["plan", *words, "--json"]) == end
    lines = shown.readouterr().out.splitlines()
    assert len(lines) == 1
    found: dict[str, Any] = json.loads(lines[0])
    return found


@pytest.mark.usefixtures("_no_driver")
def test_without_words_it_plans_the_bundled_model_on_this_machine(capsys: Shown) -> None:
    """Its weights are the bytes behind the header of its file."""
    plan = planned(capsys)
    header = header_of(bundled_model())
    assert plan["model"] == bundled_model().name
    assert plan["weights_bytes"] == sum(tensor.size_bytes for tensor in header.tensors)
    assert (plan["host"] or plan["card"])["gb_s"] > 0
    assert plan["fits"] is True


@pytest.mark.parametrize("device", PRESETS)
@pytest.mark.parametrize("shape", NAMED)
def test_every_shape_can_be_planned_on_every_device(capsys: Shown, shape: str, device: str) -> None:
    """It fits and has a speed, or it does not and ends with 1."""
    assert main(["plan", "--shape", shape, "--device", device, "--json"]) in (Exit.OK, Exit.REFUSED)
    plan = json.loads(capsys.readouterr().out)
    assert (plan["model"], plan["device"]) == (shape, device)
    assert plan["fits"] == (len(plan["commands"]) == 3)


def test_an_8b_on_a_4090_as_a_person_reads_it(capsys: Shown) -> None:
    """Weights, cache, room, layers and milliseconds are all on the screen."""
    assert main(["plan", *ON_ONE_CARD.split()]) == Exit.OK
    shown = capsys.readouterr().out
    for part in (
        "4.575  exact",
        "0.500  exact",
        "all 33 layers fit the card",
        "4 passes",
        "token by token",
        "RTX 4090",
    ):
        assert part in shown
    assert "the split" not in shown


def test_a_split_is_told_with_its_cost(capsys: Shown) -> None:
    words = SPLIT.split()
    plan = planned(capsys, *words)
    assert 0 < plan["n_gpu_layers"] < plan["total_layers"]
    assert plan["pass"]["host_ms"] > plan["pass"]["unsplit_ms"] > plan["pass"]["card_ms"]
    assert main(["plan", *words]) == Exit.OK
    shown = capsys.readouterr().out
    assert "by the card in" in shown
    assert "by the processor in" in shown
    assert "a card of this speed that held all layers would take" in shown


def test_what_does_not_fit_at_all_ends_with_1(capsys: Shown) -> None:
    plan = planned(capsys, *TOO_LARGE.split(), end=Exit.REFUSED)
    assert plan["fits"] is False
    assert plan["message"].startswith("does not fit")
    assert main(["plan", *TOO_LARGE.split()]) == Exit.REFUSED
    assert "a command" not in capsys.readouterr().out


def test_keys_and_values_may_have_types_of_their_own(capsys: Shown) -> None:
    """The cache shrinks with each, and a card's objection is told."""
    sizes = []
    for words in ("", "--kv q8_0", "--kv-v q4_0", "--kv-k Q4_0 --kv-v q4_0"):
        plan = planned(capsys, *f"--shape llama-3-8b --device rtx-4090 {words}".split())
        sizes.append(plan["kv_bytes"])
        assert any("turned into f16" in remark for remark in plan["remarks"]) == (plan["kv_k"] != plan["kv_v"])
    assert sizes[0] > sizes[2] > sizes[1] > sizes[3]


def test_passes_and_a_device_of_ones_own_are_taken(capsys: Shown) -> None:
    """A card is described by its memory and its bandwidth."""
    words = "--shape llama-3-8b --device rtx-4090 --card-memory 8 --card-bandwidth 288 --host-memory 16 --passes 6"
    plan = planned(capsys, *words.split(), "--host-bandwidth", "40")
    assert (plan["card"]["bytes"], plan["card"]["gb_s"]) == (8 << 30, 288.0)
    assert (plan["host"]["bytes"], plan["host"]["gb_s"]) == (16 << 30, 40.0)
    assert plan["commands"][0]["passes"] == 6.0


def test_a_header_without_its_weights_is_planned_with_a_remark(tmp_path: Path, capsys: Shown) -> None:
    """The whole file and its beginning have one plan, but for the remark."""
    whole, part = write_tiny(tmp_path / "whole.gguf"), tmp_path / "part.gguf"
    part.write_bytes(whole.read_bytes()[: header_of(whole).data_start])
    of_whole, of_part = (planned(capsys, str(path), "--device", "h200") for path in (whole, part))
    assert [remark for remark in of_part["remarks"] if remark not in of_whole["remarks"]] == [
        f"the file ends {of_whole['weights_bytes'] / 1e6:,.1f} MB before its weights do: it can be planned, not loaded"
    ]
    same = set(of_whole) - {"model", "remarks"}
    assert {key: of_whole[key] for key in same} == {key: of_part[key] for key in same}


@pytest.mark.usefixtures("_no_driver")
@pytest.mark.parametrize(
    ("words", "start", "named"),
    [
        pytest.param("--shape llama-9", "PLAN_INVALID: --shape llama-9: ", "llama-3.1-405b", id="shape"),
        pytest.param("--device abacus", "PLAN_INVALID: --device abacus: ", "agx-orin", id="device"),
        pytest.param("--kv q9", "PLAN_INVALID: keys: ", "q8_0", id="cache type"),
        pytest.param("--kv-v q9", "PLAN_INVALID: values: ", "q8_0", id="type of values"),
        pytest.param("--kv q8_0 --no-flash-attention", "PLAN_INVALID: values: ", "flash attention", id="no flash"),
        pytest.param("--shape llama-3-8b --quantization Q9", "PLAN_INVALID: --quantization Q9: ", "Q8_0", id="quant"),
        pytest.param("--ctx 0", "PLAN_INVALID: --ctx 0: ", "from 1", id="no cells"),
        pytest.param("--passes 0.5", "PLAN_INVALID: --passes 0.5: ", "from 1", id="half a pass"),
        pytest.param("--passes nan", "PLAN_INVALID: --passes nan: ", "from 1", id="passes that are no number"),
        pytest.param("--sequences 257", "PLAN_INVALID: --sequences 257: ", "256", id="sequences"),
        pytest.param("--card-memory -1", "PLAN_INVALID: --card-memory -1.0: ", "from", id="memory below nothing"),
        pytest.param(
            "--card-memory 8", "PLAN_INVALID: --card-memory, --card-bandwidth: ", "bandwidth", id="half a card"
        ),
        pytest.param(
            "--device orin-nano --host-memory 8", "PLAN_INVALID: --device orin-nano: ", "one memory", id="host"
        ),
        pytest.param("gone.gguf", "MODEL_MISSING: gone.gguf: ", "", id="missing file"),
        pytest.param(
            "x.gguf --shape llama-3-8b", "PLAN_INVALID: --shape llama-3-8b: ", "not both", id="file and shape"
        ),
    ],
)
def test_what_makes_no_sense_is_named(words: str, start: str, named: str, capsys: Shown) -> None:
    """One line on stderr with a stable code, and what is known where a name was not."""
    assert main(["plan", *words.split()]) == Exit.CONFIGURATION
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(start)
    assert named in shown.err
    assert shown.err.count("\n") == 1


def test_a_damaged_file_is_refused(tmp_path: Path, capsys: Shown) -> None:
    """A header that was cut, and a file that is no model."""
    whole = write_tiny(tmp_path / "whole.gguf")
    for content in (whole.read_bytes()[:5_000], b"\x7fELF" + bytes(100)):
        path = tmp_path / "damaged.gguf"
        path.write_bytes(content)
        assert main(["plan", str(path)]) == Exit.CONFIGURATION
        assert capsys.readouterr().err.startswith(f"MODEL_DAMAGED: {path}: ")


def test_the_documentation_shows_what_the_verb_says(capsys: Shown) -> None:
    """Each row of the page's table, and its example to the letter."""
    rows = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in DOCS.splitlines()]
    table = [row for row in rows if len(row) == 9 and row[0] in NAMED]
    assert {row[1] for row in table} == set(PRESETS)
    for shape, device, *figures in table:
        main(["plan", "--shape", shape, "--device", device, "--ctx", "4096", "--json"])
        plan = json.loads(capsys.readouterr().out)
        layers = f"{plan['n_gpu_layers']} of {plan['total_layers']}" if plan["fits"] else "does not fit"
        sizes = [f"{plan[key] / GIB:.2f}" for key in ("weights_bytes", "kv_bytes", "compute_bytes")]
        times = [f"{command['ms']:,.1f}" for command in plan["commands"]] or ["-"] * 3
        assert figures == [*sizes, layers, *times], (shape, device)
    assert main(["plan", *SPLIT.split()]) == Exit.OK
    shown = "\n".join(line.rstrip() for line in capsys.readouterr().out.splitlines())
    assert shown in DOCS
