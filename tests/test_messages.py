"""Every message class is found, shown by an example, described by its schema and read back as it was written."""

from __future__ import annotations

import copy
import importlib
import json
import pkgutil
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from pydantic import ValidationError

import edge_agent.messages
from edge_agent import limits
from edge_agent.cli.limits_shown import every_limit, markdown
from edge_agent.errors import ClientFault, Code
from edge_agent.messages import FROM_NODE, TO_NODE, Message
from edge_agent.messages.base import Part
from edge_agent.messages.codec import Codec, encode
from edge_agent.messages.schema import REPLIES, TOPICS, UNASKED, asyncapi, json_schemas

DOCS = Path(__file__).parent.parent / "docs"
SCHEMAS = json_schemas()


def discovered() -> list[type[Message]]:
    """Every message class that some module of the room defines."""
    found: dict[str, type[Message]] = {}
    for module in pkgutil.iter_modules(edge_agent.messages.__path__):
        for value in vars(importlib.import_module(f"edge_agent.messages.{module.name}")).values():
            if isinstance(value, type) and issubclass(value, Message) and value is not Message:
                found[value.__name__] = value
    return list(found.values())


every_message = pytest.mark.parametrize("kind", [pytest.param(kind, id=kind.__name__) for kind in discovered()])


def codec_of(kind: type[Message]) -> Codec:
    return Codec(TO_NODE if kind in TO_NODE else FROM_NODE)


def validator_of(kind: type[Message]) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator({"$ref": f"#/$defs/{kind.__name__}", "$defs": SCHEMAS["$defs"]})


@every_message
def test_a_message_stands_in_exactly_one_direction(kind: type[Message]) -> None:
    """A class that nobody may send, or that both sides send, would be a hole."""
    assert (kind in TO_NODE) != (kind in FROM_NODE)


@every_message
def test_a_message_has_an_example_that_round_trips(kind: type[Message]) -> None:
    """The example is read, written and read again without a change."""
    assert "EXAMPLE" in vars(kind), "a message needs an EXAMPLE of its own"
    codec = codec_of(kind)
    message = codec.decode(json.dumps(kind.EXAMPLE).encode())
    assert type(message) is kind
    assert codec.decode(encode(message)) == message
    written = json.loads(encode(message))
    assert nested_within(kind.EXAMPLE, written)


def nested_within(part: Any, whole: Any) -> bool:
    """Whether everything of `part` stands in `whole`, where defaults may have been added."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(key in whole and nested_within(part[key], whole[key]) for key in part)
    if isinstance(part, list):
        return isinstance(whole, list) and all(map(nested_within, part, whole)) and len(part) == len(whole)
    return bool(part == whole)


@every_message
def test_a_message_is_frozen_and_says_what_it_is(kind: type[Message]) -> None:
    """Values on the wire do not change after they were checked, and each class has a sentence about it."""
    message = codec_of(kind).decode(json.dumps(kind.EXAMPLE).encode())
    with pytest.raises(ValidationError, match="frozen"):
        message.type = "other"  # type: ignore[attr-defined]
    assert kind.__doc__


@every_message
def test_the_schema_accepts_the_example(kind: type[Message]) -> None:
    """What the codec reads, the published schema allows; alone and as one of its direction."""
    validator_of(kind).validate(kind.EXAMPLE)
    jsonschema.Draft202012Validator(SCHEMAS).validate(kind.EXAMPLE)


@every_message
def test_the_schema_refuses_what_the_codec_refuses(kind: type[Message]) -> None:
    """A missing, unknown or mistyped field is refused by both."""
    codec, validator = codec_of(kind), validator_of(kind)
    for mutant in mutants(kind.EXAMPLE, validator.schema["$defs"][kind.__name__]["required"]):
        assert not validator.is_valid(mutant), mutant
        with pytest.raises(ClientFault):
            codec.decode(json.dumps(mutant).encode())


def mutants(example: dict[str, Any], required: list[str]) -> list[dict[str, Any]]:
    """The example with one thing wrong, in every way that fits it."""
    wrong: list[dict[str, Any]] = [{**example, "no_such_field": 1}, {**example, "type": "no_such_type"}]
    for key in required:
        less = copy.deepcopy(example)
        del less[key]
        wrong.append(less)
    for key, value in example.items():
        if isinstance(value, str):
            wrong += [{**example, key: 7}, {**example, key: [value]}]
        elif isinstance(value, bool):
            wrong.append({**example, key: 1})
        elif isinstance(value, int):
            wrong += [{**example, key: True}, {**example, key: str(value)}, {**example, key: -1}]
        elif isinstance(value, list | dict):
            wrong.append({**example, key: "text"})
    return wrong


def test_a_message_without_an_example_cannot_be_overlooked() -> None:
    """The discovery above finds every class that either direction lists, and nothing else."""
    assert set(discovered()) == set(TO_NODE) | set(FROM_NODE)
    assert len({kind.model_fields["type"].default for kind in discovered()}) == len(discovered())


def test_every_value_of_the_wire_is_strict() -> None:
    """No part of a message loosens the rules that make a message trustworthy."""
    for kind in [*Message.__subclasses__(), *Part.__subclasses__()]:
        for rule, value in {"frozen": True, "strict": True, "extra": "forbid", "allow_inf_nan": False}.items():
            assert kind.model_config[rule] == value, kind  # type: ignore[literal-required]


def test_the_schema_itself_is_valid_and_closed() -> None:
    """It is JSON Schema, every reference stays inside it, and every object forbids unknown fields."""
    jsonschema.Draft202012Validator.check_schema(SCHEMAS)
    for name, schema in SCHEMAS["$defs"].items():
        if schema.get("type") == "object":
            assert schema["additionalProperties"] is False, name
    assert all(reference.startswith("#/$defs/") for reference in references(SCHEMAS))


def references(value: Any) -> list[str]:
    """Every $ref below a value."""
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [found for item in value.values() for found in references(item)]
    return [found for item in value for found in references(item)] if isinstance(value, list) else []


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    """Channels, operations, messages and schemas hold together."""
    document = asyncapi()
    for reference in references(document):
        place: Any = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def test_the_asyncapi_document_leaves_no_message_out() -> None:
    """Every class is in a channel; what the node takes is an operation with its replies."""
    document = asyncapi()
    shown = {name for channel in document["channels"].values() for name in channel["messages"]}
    assert shown == {kind.model_fields["type"].default for kind in discovered()}
    assert set(REPLIES) == set(TO_NODE)
    answered = {reply for replies in REPLIES.values() for reply in replies}
    assert answered | set(UNASKED) | set(TOPICS.values()) | {edge_agent.messages.ErrorReply} == set(FROM_NODE)


def test_the_published_document_is_the_generated_one() -> None:
    """docs/asyncapi.yaml is what scripts/write-wire-docs.py writes now."""
    published = yaml.safe_load((DOCS / "asyncapi.yaml").read_text(encoding="utf-8"))
    assert published == json.loads(json.dumps(asyncapi()))


def test_limits_are_numbers_with_their_unit() -> None:
    """Each limit is a positive whole number in one place."""
    named = {name: value for name, value in vars(limits).items() if name.isupper()}
    assert named
    assert all(isinstance(value, int) and value > 0 for value in named.values())


WIRE = (DOCS / "wire.md").read_text(encoding="utf-8")


def table_rows(first_cell: str) -> dict[str, str]:
    """The rows of wire.md whose first cell is a name in capitals, as name to second cell."""
    return dict(re.findall(rf"^\| `({first_cell})` \| ([^|]+) \|", WIRE, flags=re.MULTILINE))


def test_the_page_about_the_wire_names_every_code() -> None:
    """Each code has its line, and no line is about a code that does not exist."""
    named = set(table_rows("[A-Z][A-Z0-9_]+")) - set(vars(limits))
    assert named == {code.value for code in Code}


def test_the_page_of_limits_is_the_generated_one() -> None:
    """docs/limits.md is what scripts/write-limits.py writes now."""
    assert markdown() in (DOCS / "limits.md").read_text(encoding="utf-8")


def test_every_limit_has_words() -> None:
    """Those without words of their own share those of the next one, and none is left over."""
    assert {one.name for one in every_limit()} == {name for name in vars(limits) if name.isupper()}


@pytest.mark.parametrize("line", [pytest.param(line, id=line[9:17]) for line in WIRE.splitlines() if line[:1] == "{"])
def test_the_messages_on_the_page_can_be_read(line: str) -> None:
    """What is shown is what the codec takes."""
    Codec((*TO_NODE, *FROM_NODE)).decode(line.encode())


@pytest.mark.parametrize("shown", re.findall(r"(?:──|◀──) (\w+) \{([\w, …]+)\}", WIRE), ids=lambda shown: shown[0])
def test_the_fields_on_the_page_exist(shown: tuple[str, str]) -> None:
    """The arrows name real messages and real fields."""
    kinds = {kind.model_fields["type"].default: kind for kind in discovered()}
    fields = set(shown[1].replace(" ", "").split(",")) - {"…"}
    assert fields <= set(kinds[shown[0]].model_fields)
