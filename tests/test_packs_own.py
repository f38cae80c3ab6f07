"""A user's own pack: a Python file, a module attribute, or a plain JSON Schema; and what is refused in each."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from edge_agent.errors import Code, ConfigurationFault
from edge_agent.packs.phrases import load_phrases
from edge_agent.packs.registry import load_pack

PYTHON_PACK = '''
from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from edge_agent.packs.base import Action, EntitySlot, QuantitySlot, TextSlot, make_pack
from edge_agent.world.mention import Unit


class Dim(Action):
    """Dim a lamp."""

    action: Literal["dim"] = "dim"
    lamp: Annotated[str, EntitySlot("lamp", words=("it",))]
    level: Annotated[int, QuantitySlot(Unit.PERCENT, 0, 100, integer=True)]
    mode: Literal["soft", "hard"] | None = None
    note: Annotated[str, TextSlot(40)] | None = None


PACK = make_pack("lamps", "Lamps.", {Dim: "none"}, phrases=(Path(__file__).with_name("lamps.yaml"),), ttl_ms=1500)
'''

SCHEMA_PACK: dict[str, Any] = {
    "title": "lamps",
    "description": "Lamps.",
    "x-phrases": ["lamps.yaml"],
    "x-ttl-ms": 1500,
    "oneOf": [
        {
            "type": "object",
            "description": "Dim a lamp.",
            "x-hazard": "none",
            "properties": {
                "action": {"const": "dim"},
                "lamp": {"type": "string", "x-entity": ["lamp"], "x-words": ["it"]},
                "level": {"type": "integer", "x-unit": "percent", "minimum": 0, "maximum": 100},
                "mode": {"enum": ["soft", "hard"]},
                "note": {"type": "string", "x-text": True, "maxLength": 40},
            },
            "required": ["action", "lamp", "level"],
        }
    ],
}

PHRASES = """
language: en
lists:
  level: {range: {from: 0, to: 100, step: 10}, metadata: {unit: percent}}
  how: {values: [{in: "(softly|gently)", out: soft}, {in: hard, out: hard}]}
  words: {wildcard: true}
intents:
  dim:
    data:
      - sentences:
          - "[please] dim the {lamp:lamp} to {level:level} [{how:mode}]"
          - "dim {it:lamp} to {level:level} saying {words:note}"
  reject:
    data:
      - slots: {reason: unsupported}
        sentences: ["smash the {lamp:_}"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "lamps.yaml").write_text(PHRASES, encoding="utf-8")
    (tmp_path / "lamps.py").write_text(PYTHON_PACK, encoding="utf-8")
    (tmp_path / "lamps.json").write_text(json.dumps(SCHEMA_PACK), encoding="utf-8")
    return tmp_path


def test_schema_pack_equals_class_pack(folder: Path) -> None:
    """The same pack as a Python file and as a JSON Schema has the same slots, bounds and phrases."""
    from_class, from_schema = load_pack(str(folder / "lamps.py")), load_pack(str(folder / "lamps.json"))
    assert from_class.name == from_schema.name == "lamps"
    assert from_class.ttl_ms == from_schema.ttl_ms == 1500
    for left, right in zip(from_class.actions, from_schema.actions, strict=True):
        assert (left.name, left.doc, left.slots, left.hazard) == (right.name, right.doc, right.slots, right.hazard)
    samples = [
        [load_phrases(pack).sample(rng) for _ in range(50)]
        for pack in (from_class, from_schema)
        for rng in [random.Random(5)]
    ]
    assert samples[0] == samples[1]


@pytest.mark.parametrize("file", ["lamps.py", "lamps.json"])
@pytest.mark.parametrize(
    ("values", "good"),
    [
        pytest.param({"lamp": "desk", "level": 40}, True, id="required slots"),
        pytest.param({"lamp": "desk", "level": 40, "mode": "soft", "note": "now"}, True, id="all slots"),
        pytest.param({"lamp": "desk", "level": 101}, False, id="above the maximum"),
        pytest.param({"lamp": "desk", "level": 1.5}, False, id="not whole"),
        pytest.param({"lamp": "desk", "level": 40, "mode": "loud"}, False, id="no such choice"),
        pytest.param({"level": 40}, False, id="required slot missing"),
        pytest.param({"lamp": "desk", "level": 40, "colour": "red"}, False, id="unknown slot"),
    ],
)
def test_own_packs_check_alike(folder: Path, file: str, values: dict[str, Any], good: bool) -> None:
    """Both forms accept and refuse the same actions."""
    spec = load_pack(str(folder / file)).action("dim")
    assert spec is not None
    if good:
        assert spec.model.model_validate({"action": "dim", **values}).model_dump(exclude_none=True)["lamp"] == "desk"
    else:
        with pytest.raises(ValidationError):
            spec.model.model_validate({"action": "dim", **values})


def test_pack_by_module_attribute(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`module:attribute` finds a pack on the import path."""
    monkeypatch.syspath_prepend(str(folder))
    assert load_pack("lamps:PACK").name == "lamps"
    sys.modules.pop("lamps", None)


def edited(path: str, value: Any) -> dict[str, Any]:
    """The schema pack with one value replaced (or removed: ...) at a dotted path below its action or its top."""
    tree = json.loads(json.dumps(SCHEMA_PACK))
    place = tree
    *steps, last = path.split(".")
    for step in steps:
        place = place[int(step)] if step.isdigit() else place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return tree


@pytest.mark.parametrize(
    ("tree", "field"),
    [
        pytest.param(edited("title", 3), "title", id="title is no text"),
        pytest.param(edited("oneOf", []), "oneOf", id="no actions"),
        pytest.param(edited("allOf", []), "allOf", id="unknown keyword"),
        pytest.param(edited("oneOf.0.properties.action", ...), "properties.action", id="no action name"),
        pytest.param(
            edited("oneOf.0.properties.lamp", {"$ref": "https://example.org/x"}), "lamp", id="remote reference"
        ),
        pytest.param(edited("oneOf.0.properties.lamp", {"$ref": "#/x"}), "lamp", id="local reference"),
        pytest.param(edited("oneOf.0.$ref", "#/x"), "$ref", id="reference for an action"),
        pytest.param(edited("oneOf.0.properties.lamp", {"type": "string"}), "lamp", id="plain string"),
        pytest.param(edited("oneOf.0.properties.lamp.pattern", "x"), "lamp.pattern", id="keyword that would be lost"),
        pytest.param(edited("oneOf.0.properties.lamp.x-words", ["you"]), "lamp.x-words", id="no such word"),
        pytest.param(edited("oneOf.0.properties.level.x-unit", "stone"), "level.x-unit", id="no such unit"),
        pytest.param(edited("oneOf.0.properties.level.maximum", ...), "level.maximum", id="no maximum"),
        pytest.param(edited("oneOf.0.properties.level.minimum", 200), "level", id="minimum above maximum"),
        pytest.param(edited("oneOf.0.properties.mode.enum", ["a", "a"]), "mode.enum", id="choice given twice"),
        pytest.param(edited("oneOf.0.properties.note.maxLength", 0), "note.maxLength", id="no length"),
        pytest.param(edited("oneOf.0.required", ["lamp", "colour"]), "required", id="requires what is not there"),
        pytest.param(edited("oneOf.0.x-hazard", "fun"), "x-hazard", id="no such hazard"),
        pytest.param(edited("x-ttl-ms", 0), "x-ttl-ms", id="no time to live"),
        pytest.param(edited("x-confidence-min", 1.5), "x-confidence-min", id="surer than sure"),
        pytest.param(edited("oneOf.0.properties.model_config", {"enum": ["a"]}), "oneOf[0]", id="name pydantic needs"),
    ],
)
def test_bad_schema_pack_names_file_and_field(tmp_path: Path, tree: dict[str, Any], field: str) -> None:
    """A wrong JSON Schema pack is refused as PACK_INVALID with its file and the field."""
    file = tmp_path / "bad.json"
    file.write_text(json.dumps(tree), encoding="utf-8")
    with pytest.raises(ConfigurationFault) as refused:
        load_pack(str(file))
    assert refused.value.code is Code.PACK_INVALID
    assert refused.value.where.startswith(str(file))
    assert refused.value.where.endswith(field)


@pytest.mark.parametrize(
    ("content", "where", "message"),
    [
        pytest.param(b'{\n"title": "x",\n,', ":3", "no JSON", id="no JSON"),
        pytest.param(b'{"title": "x", "title": "y"}', "", "twice", id="key given twice"),
        pytest.param(b"\xff\xfe", "", "cannot be read", id="not UTF-8"),
        pytest.param(b"[]", "", "object", id="a list"),
        pytest.param(b"[" * 5_000, "", "JSON|read", id="nested too deep"),
    ],
)
def test_unreadable_schema_pack(tmp_path: Path, content: bytes, where: str, message: str) -> None:
    """A file that is no JSON is refused with its line."""
    file = tmp_path / "bad.json"
    file.write_bytes(content)
    with pytest.raises(ConfigurationFault, match=message) as refused:
        load_pack(str(file))
    assert refused.value.code is Code.PACK_INVALID
    assert refused.value.where.startswith(f"{file}{where}")


def test_unknown_pack(tmp_path: Path) -> None:
    """A name that is no pack, and a file that is not there, are UNKNOWN_PACK and say what there is."""
    for name in ("robott", str(tmp_path / "none.json"), str(tmp_path / "none.py")):
        with pytest.raises(ConfigurationFault) as refused:
            load_pack(name)
        assert refused.value.code is Code.UNKNOWN_PACK


@pytest.mark.parametrize(
    ("source", "message"),
    [
        pytest.param("1/0", "ZeroDivisionError", id="fails when imported"),
        pytest.param("x = (", "SyntaxError", id="no Python"),
        pytest.param("PACK = 3", "make_pack", id="no pack in it"),
    ],
)
def test_bad_python_pack(tmp_path: Path, source: str, message: str) -> None:
    """A Python file that fails or holds no pack is refused by name."""
    file = tmp_path / "broken_pack.py"
    file.write_text(source, encoding="utf-8")
    with pytest.raises(ConfigurationFault, match=message) as refused:
        load_pack(str(file))
    assert refused.value.code is Code.PACK_INVALID
    assert str(file) in refused.value.where
    with pytest.raises(ConfigurationFault) as unimportable:
        load_pack("no_such_module_anywhere:PACK")
    assert unimportable.value.code is Code.PACK_INVALID
