"""What a start of the node runs with, as the journal keeps it: settings, model, packs and worlds by their sha256.

Two starts with the same fingerprint read a sentence in the same way. No secret is in it: settings name the files of
keys and never hold one.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from edge_agent.language.models import bundled_model, bundled_sha256
from edge_agent.node.worlds import LoadedWorld
from edge_agent.observe.journal import Journal
from edge_agent.observe.records import ConfigurationRow, NodeRow
from edge_agent.packs.base import Pack
from edge_agent.settings import ModelSettings, Settings


def note_configuration(
    journal: Journal,
    settings: Settings,
    packs: Mapping[str, Pack],
    worlds: Mapping[str, LoadedWorld],
    start: NodeRow,
) -> None:
    """Into the journal; a model whose sha256 nothing names is read through beside the node's start, then noted again.

    Raises:
        ConfigurationFault: as `configuration_row`.
    """
    row = configuration_row(settings, packs, worlds, start)
    journal.record(row)
    model = json.loads(row.model)
    if model["sha256"]:
        return

    def note_again() -> None:
        journal.record(replace(row, model=_json(model | {"sha256": model_sha256(settings.model)})))

    # a daemon's thread: a node that is told to end does not wait for the last gigabyte
    threading.Thread(target=note_again, name="fingerprint", daemon=True).start()


def configuration_row(
    settings: Settings, packs: Mapping[str, Pack], worlds: Mapping[str, LoadedWorld], start: NodeRow
) -> ConfigurationRow:
    """The fingerprint of a start.

    Raises:
        ConfigurationFault: MODEL_MISSING, MODEL_DAMAGED when the bundled model has no manifest.
    """
    text = _json(settings.model_dump(mode="json"))
    return ConfigurationRow(
        epoch=start.epoch,
        wall_ms=start.started_wall_ms,
        version=start.version,
        settings_sha256=hashlib.sha256(text.encode()).hexdigest(),
        settings=text,
        model=_json(model_print(settings)),
        packs=_json({name: pack_sha256(pack) for name, pack in packs.items()}),
        worlds=_json(
            {name: {"sha256": world.sha256, "revision": world.world.revision} for name, world in worlds.items()}
        ),
    )


def model_print(settings: Settings) -> dict[str, str]:
    """The model's file and sha256, and the server that is asked first where there is one.

    The sha256 is empty where neither the settings nor the manifest say it: `model_sha256` reads the file.

    Raises:
        ConfigurationFault: MODEL_MISSING, MODEL_DAMAGED.
    """
    path = _path(settings.model)
    found = {"file": path.name, "sha256": settings.model.sha256 or bundled_sha256(path) or ""}
    return found | ({"remote": settings.remote.url} if settings.remote is not None else {})


def model_sha256(settings: ModelSettings) -> str:
    """sha256 of the model's file, read from its beginning to its end: seconds for a large one. Empty if it cannot be.

    Raises:
        ConfigurationFault: MODEL_MISSING, MODEL_DAMAGED.
    """
    try:
        with _path(settings).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def pack_sha256(pack: Pack) -> str:
    """sha256 over what a pack says of itself: its actions, their classes' schemas, phrases, grammar and threshold.

    Code that completes actions or sharpens hazards is not in it; the node's version stands for that of the packs that
    come with it.
    """
    actions = [[spec.name, spec.doc, spec.hazard, spec.model.model_json_schema()] for spec in pack.actions]
    slots = [[slot.name, repr(slot.slot), slot.required] for spec in pack.actions for slot in spec.slots]
    own = [pack.name, pack.doc, pack.ttl_ms, pack.confidence_min, pack.stop_prefix, pack.grammar]
    digest = hashlib.sha256(_json([own, actions, slots]).encode())
    for path in pack.phrases:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _path(settings: ModelSettings) -> Path:
    return settings.path or bundled_model()


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
