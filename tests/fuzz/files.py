"""What an owner keeps in files: worlds, settings, packs, phrases, and the header of a model."""

from __future__ import annotations

import io
import random
import re
from dataclasses import fields
from functools import partial

from edge_agent.errors import Code, ConfigurationFault, NodeFault
from edge_agent.grammar.general import general_gbnf
from edge_agent.grammar.limits import check_gbnf
from edge_agent.grammar.selftest import self_test
from edge_agent.keys.client_key import from_line, parse_client_key
from edge_agent.keys.node_key import parse_pair
from edge_agent.keys.ring import parse_grants
from edge_agent.packs import robot
from edge_agent.packs.jsonschema_pack import load_schema_pack
from edge_agent.packs.phrase_file import read_phrase_file
from edge_agent.packs.phrases import compile_phrases
from edge_agent.planning.gguf import check_header, read_header
from edge_agent.settings import Settings, load_settings
from edge_agent.world.entities import Entity
from edge_agent.world.linker import Linker
from edge_agent.world.loading import load_world
from edge_agent.world.store import World
from fuzz.target import Target, Written, refused_well

_WORLD, _SETTINGS, _PACK, _PHRASES = (Written(name) for name in ("w.toml", "s.toml", "p.json", "p.yaml"))
SAMPLES = 4
_client_key, _pair, _grants = (partial(read, where="k") for read in (parse_client_key, parse_pair, parse_grants))


def check_world(data: bytes) -> None:
    """A world file is a world whose every name is found again in a sentence, or is refused."""
    try:
        world = load_world(_WORLD(data))
    except ConfigurationFault as problem:
        refused_well(problem, Code.WORLD_INVALID)
        return
    linker = Linker(world)
    for entity in world.entities[:SAMPLES]:
        assert world.entity(entity.name) is not None
        linker.link(f"go to the {entity.name}")


def check_settings(data: bytes) -> None:
    """A settings file is settings that hold all that was set, or is refused."""
    try:
        settings = load_settings(_SETTINGS(data))
    except ConfigurationFault as problem:
        refused_well(problem, Code.SETTINGS_INVALID)
        return
    assert isinstance(settings, Settings)
    assert settings.packs and settings.command_address


def check_pack(data: bytes) -> None:
    """A pack file is a pack whose grammar may be handed on, or is refused: when it is read, or by its own trials."""
    try:
        pack = load_schema_pack(_PACK(data))
        self_test(pack, World())
    except ConfigurationFault as problem:
        refused_well(problem, Code.PACK_INVALID)
        return
    except NodeFault as problem:
        refused_well(problem, Code.GRAMMAR_INVALID)
        return
    check_gbnf(general_gbnf(pack))


def check_phrases(data: bytes) -> None:
    """A phrase file is phrases that can be said, or is refused."""
    try:
        phrases = compile_phrases(robot.PACK, [read_phrase_file(_PHRASES(data))])
    except ConfigurationFault as problem:
        refused_well(problem, Code.PHRASES_INVALID)
        return
    rng = random.Random(len(data))
    for _ in range(SAMPLES):
        sample = phrases.sample(rng)
        assert sample.intent in phrases.intents


def check_keys(data: bytes) -> None:
    """A key's file is a key, or is refused in words that do not hold its secret."""
    text = data.decode("utf-8", "replace")
    for read in (_client_key, _pair, _grants, from_line):
        try:
            read(text)
        except ConfigurationFault as problem:
            refused_well(problem, Code.KEY_INVALID)
            secrets = re.findall(r"""secret["']?\s*=\s*["']([^"']{8,})""", text)
            assert not any(secret in str(problem) for secret in secrets)


def check_model(data: bytes) -> None:
    """A model's header holds together within the file, or is refused."""
    for read in (read_header, check_header):
        try:
            read(io.BytesIO(data), len(data), "m.gguf")
        except ConfigurationFault as problem:
            refused_well(problem, Code.MODEL_DAMAGED)


_TOML = (
    b"[[entity]]\n", b"[synonyms]\n", b'name = "', b'kind = "', b'aliases = ["', b'area = "', b'"\n', b'", "', b"]\n",
    b" = ", b"[", b"[[", b"{", b"}", b"'''", b'"""', b"\\u0000", b"\\U0010ffff", b"\\ud800", b"1979-05-27T07:32:00Z",
    b"inf", b"nan", b"0x", b"1e999", b"true", b"9" * 40, b"#", b"\r\n", b"\x00", b"\xed\xa0\x80", b"\xe2\x80\xae",
)  # fmt: skip
_SECTIONS = tuple(
    f"[{name}]\n".encode()
    for name in ("model", "transport", "policy", "speech", "executor", "remote", "[packs]", "[speech.microphones]")
)
_KEYS = tuple(f"{name} = ".encode() for name in sorted(Settings.model_fields))
_PACK_WORDS = tuple(
    f'"{word}"'.encode()
    for word in (
        "title", "oneOf", "properties", "action", "const", "x-entity", "x-words", "x-unit", "x-text", "x-hazard",
        "x-phrases", "x-ttl-ms", "x-confidence-min", "enum", "type", "number", "integer", "string", "minimum",
        "maximum", "required", "$ref", "$schema", "percent", "motion", "me", "maxLength", "description",
        "model_config", "reject",
    )
)  # fmt: skip
_YAML = (
    b"language: en\n", b"intents:\n", b"  go_to:\n", b"    data:\n", b"      - sentences:\n", b"          - ",
    b"lists:\n", b"expansion_rules:\n", b"    range:\n", b"      from: ", b"      to: ", b"    values:\n",
    b"    wildcard: true\n", b"slots:\n", b"metadata:\n", b"weight: ", b"{place}", b"{place:place}", b"<go>",
    b"[the]", b"(go|drive)", b"(a;b)", b"&a ", b"*a", b"!!int ", b"!!float ", b"!!map ", b"!!str ", b"!!binary ",
    b"!!set ", b"<<: ", b"2001-99-99", b"? ", b"- ", b"{", b"}", b"|\n",
)  # fmt: skip
_GGUF = (
    b"GGUF", b"\x03\x00\x00\x00", b"\x02\x00\x00\x00", b"\x08\x00\x00\x00", b"\x09\x00\x00\x00", b"\xff" * 8,
    b"\x00" * 8, b"general.architecture", b"general.alignment", b"tokenizer.ggml.model", b"tokenizer.ggml.tokens",
    b"\x01" + b"\x00" * 7,
)  # fmt: skip

_KEY_WORDS = (
    b'name = "', b'public = "', b'secret = "', b"[node]\n", b"[[client]]\n", b'command = "', b'verbs = ["watch"]\n',
    b'"\n', b'robots = ["*"]\n', b"rate_per_s = ", b"may_confirm = true\n", b"until = 2027-01-31T12:00:00Z\n",
    b"edge-agent-key:", b"#####", b"rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7",
    b"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID", b"JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6",
    b"D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs",
)  # fmt: skip

TARGETS = (
    Target("keys", check_keys, _KEY_WORDS),
    Target("world", check_world, (*_TOML, *(f"{field.name} = ".encode() for field in fields(Entity)))),
    Target("settings", check_settings, (*_TOML, *_SECTIONS, *_KEYS)),
    Target(
        "pack",
        check_pack,
        (*_PACK_WORDS, b"{", b"}", b"[", b"]", b":", b",", b"1" + b"0" * 400, b"NaN", b"true", b"null"),
    ),
    Target("phrases", check_phrases, _YAML),
    Target("model", check_model, _GGUF),
)
