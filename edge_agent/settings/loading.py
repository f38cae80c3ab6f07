"""Settings from a TOML file: relative paths anchored, mistakes named by file and field."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from edge_agent.errors import Code, ConfigurationFault
from edge_agent.settings.tree import Settings


def load_settings(path: Path | None, overrides: dict[str, Any] | None = None) -> Settings:
    """Settings from a TOML file (or none) with `overrides` on top, section by section.

    Relative paths in the file are meant from the file's own folder.

    Raises:
        ConfigurationFault: SETTINGS_INVALID, naming the file and the field.
    """
    tree: dict[str, Any] = {}
    if path is not None:
        try:
            tree = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as problem:  # no UTF-8, no TOML, nested too deep
            raise ConfigurationFault(Code.SETTINGS_INVALID, str(problem), where=str(path)) from problem
        _anchor(tree, path.absolute().parent)
    try:
        return Settings.model_validate(_merge(tree, overrides or {}))
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        raise ConfigurationFault(
            Code.SETTINGS_INVALID, first["msg"], where=f"{path or 'settings'}: {place}"
        ) from problem


def _anchor(tree: dict[str, Any], folder: Path) -> None:
    """Make the file's relative paths absolute; whatever is no path yet is left for validation to name."""
    packs = tree.get("packs")
    sections = [
        (tree, "runtime_dir"),
        (tree, "state_dir"),
        (tree.get("model"), "path"),
        (tree.get("transport"), "keys"),
        (tree.get("remote"), "api_key_file"),
        (tree.get("remote"), "ca_file"),
        (tree.get("speech"), "whisper"),
        (tree.get("health"), "thermal"),
    ]
    for pack in packs if isinstance(packs, list) else ():
        sections += [(pack, "world"), (pack, "grammar")]
        if isinstance(pack, dict) and str(pack.get("name")).endswith((".py", ".json")):
            sections.append((pack, "name"))
    for section, key in sections:
        if isinstance(section, dict) and isinstance(section.get(key), str):
            section[key] = str(folder / section[key])


def _merge(base: dict[str, Any], top: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in top.items():
        below = merged.get(key)
        merged[key] = _merge(below, value) if isinstance(value, dict) and isinstance(below, dict) else value
    return merged
