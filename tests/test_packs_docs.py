"""The files on docs/packs.md load, agree with one another, and do what the page says."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from edge_agent.packs.phrases import load_phrases
from edge_agent.packs.registry import load_pack
from edge_agent.world.loading import load_world

PAGE = Path(__file__).parent.parent / "docs" / "packs.md"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """The page's files, as a reader would save them."""
    blocks = re.findall(r"^```\w+ title=(\S+)\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert {name for name, _ in blocks} == {"menu.toml", "lamps.json", "lamps.py", "lamps.toml", "lamps.yaml"}
    for name, text in blocks:
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_the_menu_is_a_world_of_the_kiosk(files: Path) -> None:
    """The page's menu loads and holds kinds that the kiosk pack takes."""
    world = load_world(files / "menu.toml")
    assert {entity.kind for entity in world.entities} <= load_pack("kiosk").kinds
    assert world.entity("red tea") is not None


@pytest.mark.parametrize("file", ["lamps.json", "lamps.py"])
def test_the_own_pack_loads_with_its_world_and_phrases(files: Path, file: str) -> None:
    """Both forms of the page's pack load, with the same slots, and every action is sampled."""
    pack = load_pack(str(files / file))
    other = load_pack(str(files / "lamps.json"))
    assert [(spec.name, spec.slots, spec.hazard) for spec in pack.actions] == [
        (spec.name, spec.slots, spec.hazard) for spec in other.actions
    ]
    assert pack.example_world is not None
    assert {entity.kind for entity in load_world(pack.example_world).entities} == {"lamp"}
    phrases = load_phrases(pack)
    rng = random.Random(0)
    assert {phrases.sample(rng).intent for _ in range(200)} == {"dim", "show", "reject"}
    assert {phrases.sample(rng, "dim").fixed.get("fade") for _ in range(200)} == {None, "soft", "hard"}


@pytest.mark.parametrize("name", ["robot", "kiosk"])
def test_the_table_of_actions_is_complete(name: str) -> None:
    """The page names every action and kind of the packs whose actions it lists."""
    row = next(line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith(f"| `{name}` |"))
    pack = load_pack(name)
    assert re.findall(r"`(\w+)`", row)[1:] == [spec.name for spec in pack.actions]
    assert set(row.split("|")[3].replace(" ", "").split(",")) == pack.kinds
