"""`schema`: what the wire and the actions look like, for other programs and other people's tools."""

from __future__ import annotations

import argparse
import json
from typing import Any

from edge_agent.cli.exit_codes import Exit
from edge_agent.cli.screen import Screen
from edge_agent.grammar.schema import resolved_schema
from edge_agent.messages.schema import JSON_SCHEMA_DIALECT, asyncapi, json_schemas
from edge_agent.packs.base import Pack
from edge_agent.packs.registry import load_pack

EXAMPLE = "edge-agent schema --pack robot > robot.schema.json\nedge-agent schema --asyncapi > asyncapi.yaml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `schema` takes."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--pack", metavar="NAME|FILE", help="the actions of this pack, instead of the messages")
    what.add_argument("--asyncapi", action="store_true", help="the messages as an AsyncAPI file (JSON is YAML, too)")


def run(options: argparse.Namespace, screen: Screen) -> Exit:
    """Write one JSON document; on one line with --json."""
    if options.pack is not None:
        document = _actions(load_pack(options.pack))
    else:
        document = asyncapi() if options.asyncapi else json_schemas()
    screen.raw(json.dumps(document, ensure_ascii=False, indent=None if options.json else 2))
    return Exit.OK


def _actions(pack: Pack) -> dict[str, Any]:
    """What a robot can be sent: one of the pack's actions."""
    return {
        "$schema": JSON_SCHEMA_DIALECT,
        "title": f"{pack.name} actions",
        "description": pack.doc.strip(),
        "oneOf": [{"title": spec.name, "description": spec.doc, **resolved_schema(spec)} for spec in pack.actions],
    }
