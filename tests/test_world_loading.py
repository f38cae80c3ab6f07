"""World files: what is read, and that every refusal names file, line and field."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge_agent.errors import Code, ConfigurationFault
from edge_agent.world.entities import Entity
from edge_agent.world.linker import Linker
from edge_agent.world.loading import load_world

GOOD = """
# a hall
[[entity]]
name = "red box"
kind = "item"
aliases = ["the crimson one"]

[[entity]]
name = "dock 3"
kind = "place"
area = "hall a"
floor = "ground"
device_class = "ramp"

[synonyms]
box = ["carton", "parcel"]
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "world.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_world_file_is_read_field_by_field(tmp_path: Path) -> None:
    """All fields arrive; synonyms become aliases of the names that hold the word."""
    world = load_world(written(tmp_path, GOOD))
    assert world.entities == (
        Entity("red box", "item", ("the crimson one", "red carton", "red parcel")),
        Entity("dock 3", "place", (), "hall a", "ground", "ramp"),
    )
    assert Linker(world).link("fetch the red parcels").marked == "fetch the [1 red parcels]"


def test_an_empty_file_is_an_empty_world(tmp_path: Path) -> None:
    """No entities is a world like any other."""
    assert load_world(written(tmp_path, "")).entities == ()


@pytest.mark.parametrize(
    ("text", "place"),
    [
        pytest.param('[[entity]]\nname = "a', ":2", id="broken-toml"),
        pytest.param('[[entity]]\nkind = "item"\n', ":1: entity.name", id="no-name"),
        pytest.param('[[entity]]\nname = "lamp"\n\n[[entity]]\nname = 5\n', ":5: entity.name", id="name-a-number"),
        pytest.param('[[entity]]\nname = "lamp"\ncolour = "red"\n', ":3: entity.colour", id="unknown-field"),
        pytest.param('[[entity]]\nname = "lamp"\naliases = "light"\n', ":3: entity.aliases", id="aliases-a-string"),
        pytest.param(
            '[[entity]]\nname = "lamp"\naliases = ["light", "?"]\n', ":3: entity.aliases", id="wordless-alias"
        ),
        pytest.param('[[entity]]\nname = " "\n', ":2: entity.name", id="blank-name"),
        pytest.param(
            '[[entity]]\nname = "lamp"\n[[entity]]\nname = "cup"\n[[entity]]\nname = "Lamp"\n',
            ":6: entity.name",
            id="name-twice",
        ),
        pytest.param('[[entity]]\nname = "lamp"\n\n[things]\nx = 1\n', ":4: things", id="unknown-table"),
        pytest.param('[entity]\nname = "lamp"\n', ":1: entity", id="one-bracket"),
        pytest.param('[synonyms]\nbox = "carton"\n', ":2: synonyms.box", id="synonym-no-list"),
        pytest.param('[synonyms]\nbox = ["carton"]\nlamp = [1]\n', ":3: synonyms.lamp", id="synonym-a-number"),
    ],
)
def test_a_bad_file_is_refused_with_file_line_and_field(tmp_path: Path, text: str, place: str) -> None:
    """The place to look at is in the error."""
    path = written(tmp_path, text)
    with pytest.raises(ConfigurationFault) as refused:
        load_world(path)
    assert refused.value.code is Code.WORLD_INVALID
    assert refused.value.where == f"{path}{place}"


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """By its path."""
    with pytest.raises(ConfigurationFault, match=r"nowhere\.toml: cannot be read"):
        load_world(tmp_path / "nowhere.toml")


def test_a_folder_and_a_pipe_are_refused_at_once(tmp_path: Path) -> None:
    """Nothing that could block the start is opened."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, tmp_path):
        with pytest.raises(ConfigurationFault, match="no regular file"):
            load_world(path)


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    """By its size; a sparse file of 1 GiB costs nothing."""
    huge = tmp_path / "huge.toml"
    with huge.open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(ConfigurationFault, match="at most"):
        load_world(huge)


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    """With the byte's place."""
    path = tmp_path / "latin.toml"
    path.write_bytes('[[entity]]\nname = "caf\xe9"\n'.encode("latin-1"))
    with pytest.raises(ConfigurationFault, match=r"not UTF-8 \(byte 22\)"):
        load_world(path)
