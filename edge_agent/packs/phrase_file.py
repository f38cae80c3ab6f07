"""Reads phrase files: hassil's YAML, every string with the line it stands on.

Decides nothing about meaning; refuses what is no YAML, keys given twice, unknown keys and values of the wrong shape,
each with file and line. PyYAML is imported here only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import yaml

from edge_agent.errors import Code, ConfigurationFault
from edge_agent.limits import PHRASE_FILE_BYTES_MAX


class Located(str):
    """A string of a file that knows where it stands."""

    __slots__ = ("where",)
    where: str


@dataclass(frozen=True, slots=True)
class Block:
    """Sentences of one intent that share fixed slots; `weight` says how often they are sampled against others."""

    intent: str
    sentences: tuple[Located, ...]
    fixed: Mapping[str, Any]
    weight: float
    where: str


@dataclass(frozen=True, slots=True)
class PhraseFile:
    """What one file holds, not yet checked against a pack."""

    blocks: tuple[Block, ...]
    lists: Mapping[str, Mapping[str, Any]]
    rules: Mapping[str, Located]


def fault(where: str, message: str) -> NoReturn:
    """Refuse a phrase file.

    Raises:
        ConfigurationFault: PHRASES_INVALID, always.
    """
    raise ConfigurationFault(Code.PHRASES_INVALID, message, where=where)


def place_of(text: str) -> str:
    """Where a string of a file stands; the string itself when it is of no file."""
    return text.where if isinstance(text, Located) else text


def read_phrase_file(path: Path) -> PhraseFile:
    """Read one file.

    Raises:
        ConfigurationFault: PHRASES_INVALID, naming file and line.
    """
    try:
        if path.stat().st_size > PHRASE_FILE_BYTES_MAX:
            fault(str(path), f"is larger than {PHRASE_FILE_BYTES_MAX} bytes")
        tree = _load(path)
    except (OSError, UnicodeDecodeError) as problem:
        fault(str(path), f"cannot be read: {problem}")
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        fault(f"{path}:{mark.line + 1}" if mark else str(path), f"is no YAML: {problem.problem}")
    except (yaml.YAMLError, RecursionError) as problem:
        fault(str(path), f"is no YAML: {problem}")
    top = _mapping(tree, str(path), {"language", "intents", "lists", "expansion_rules"})
    if "language" not in top:
        fault(str(path), "needs `language: en`")
    blocks = [
        block for name, body in _mapping(top.get("intents", {}), str(path)).items() for block in _blocks(name, body)
    ]
    lists = {
        name: _mapping(body, place_of(name), {"values", "range", "wildcard", "metadata"})
        for name, body in _mapping(top.get("lists", {}), str(path)).items()
    }
    rules = {
        name: _text(body, place_of(name)) for name, body in _mapping(top.get("expansion_rules", {}), str(path)).items()
    }
    return PhraseFile(tuple(blocks), lists, rules)


def _blocks(intent: str, body: Any) -> list[Block]:
    data = _mapping(body, place_of(intent), {"data"}).get("data")
    if not isinstance(data, list):
        fault(place_of(intent), f"intent {intent} needs `data:`, a list of blocks with `sentences:`")
    blocks = []
    for entry in data:
        block = _mapping(entry, place_of(intent), {"sentences", "slots", "metadata"})
        sentences = block.get("sentences")
        if not isinstance(sentences, list) or not sentences:
            fault(place_of(intent), f"a block of {intent} needs `sentences:`, a list of at least one")
        texts = tuple(_text(sentence, place_of(intent)) for sentence in sentences)
        weight = _mapping(block.get("metadata", {}), place_of(intent), {"weight"}).get("weight", 1)
        if not isinstance(weight, int | float) or isinstance(weight, bool) or not 0 < weight <= 1_000:
            fault(texts[0].where, "weight is a number above 0, at most 1000")
        fixed = _mapping(block.get("slots", {}), place_of(intent))
        blocks.append(Block(str(intent), texts, dict(fixed), float(weight), texts[0].where))
    return blocks


def _mapping(value: Any, where: str, keys: set[str] | None = None) -> dict[str, Any]:
    if not isinstance(value, dict):
        fault(where, f"expected a mapping here, not {type(value).__name__}")
    for key in value:
        if not isinstance(key, Located):
            fault(where, f"the key {key!r} is not a text")
        if keys is not None and key not in keys:
            fault(key.where, f"unknown key {str(key)!r}; known here: {', '.join(sorted(keys))}")
    return dict(value)


def _text(value: Any, where: str) -> Located:
    if not isinstance(value, Located):
        fault(where, f"expected a text here, not {value!r}; put it in quotes")
    return value


def _load(path: Path) -> Any:
    loader = _Loader(path.read_text(encoding="utf-8"))
    loader.path = path
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


class _Loader(yaml.SafeLoader):
    """Safe loading; strings keep their line, a key stands once."""

    path: Path


def _located(loader: _Loader, node: yaml.ScalarNode) -> Located:
    text = Located(loader.construct_scalar(node))
    text.where = f"{loader.path}:{node.start_mark.line + 1}"
    return text


def _once(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    if not isinstance(node, yaml.MappingNode):  # a tag can call anything a mapping
        raise yaml.constructor.ConstructorError(None, None, f"expected a mapping, not a {node.id}", node.start_mark)
    mapping: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, Located):
            key = _located(loader, key_node)  # yes, no, 5: what YAML takes for a truth or a number is a name here
        if key in mapping:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {str(key)!r} stands here twice", key_node.start_mark
            )
        mapping[key] = loader.construct_object(value_node, deep=True)
    return mapping


def _plain(loader: _Loader, node: yaml.ScalarNode) -> Any:
    """A number, a truth, a date or bytes, as PyYAML reads them; it has no error of its own for what only looks so."""
    try:
        return yaml.SafeLoader.yaml_constructors[node.tag](loader, node)
    except (ValueError, LookupError, AttributeError, ArithmeticError) as problem:
        kind = node.tag.rpartition(":")[2]
        raise yaml.constructor.ConstructorError(
            None, None, f"{str(node.value)[:40]!r} is no {kind}", node.start_mark
        ) from problem


for _kind in ("int", "float", "bool", "timestamp", "binary"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_kind}", _plain)
_Loader.add_constructor("tag:yaml.org,2002:str", _located)
_Loader.add_constructor("tag:yaml.org,2002:map", _once)
