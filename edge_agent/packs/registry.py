"""Finds packs: the shipped ones by name, a user's own by file or module.

`robot` · `path/to/pack.py` or `package.module:PACK` (a Python class pack) · `path/to/pack.json` (a JSON Schema pack).
A Python pack is code and runs when it is loaded; a JSON Schema pack is data only.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Final

from edge_agent.errors import Code, ConfigurationFault
from edge_agent.packs import home, kiosk, robot
from edge_agent.packs.base import Pack
from edge_agent.packs.jsonschema_pack import load_schema_pack

_PACKS: Final = {pack.name: pack for pack in (robot.PACK, home.PACK, kiosk.PACK)}
SHIPPED: Final = ("robot", "home", "kiosk")
_ATTRIBUTE: Final = "PACK"


def load_pack(name_or_path: str) -> Pack:
    """A pack by its name, file or `module:attribute`.

    Raises:
        ConfigurationFault: UNKNOWN_PACK when there is no such thing, PACK_INVALID when it is no pack.
    """
    if name_or_path in _PACKS:
        return _PACKS[name_or_path]
    path = Path(name_or_path)
    if path.suffix == ".json":
        return load_schema_pack(path)
    if path.suffix == ".py":
        return _pack_of(_module_at(path), _ATTRIBUTE, name_or_path)
    module, _, attribute = name_or_path.partition(":")
    if attribute:
        try:
            return _pack_of(importlib.import_module(module), attribute, name_or_path)
        except ConfigurationFault:
            raise
        except Exception as problem:  # a user's module may fail in any way
            raise _invalid(name_or_path, f"cannot be imported: {problem!r}") from problem
    raise ConfigurationFault(
        Code.UNKNOWN_PACK,
        f"no pack {name_or_path!r}; shipped are {', '.join(SHIPPED)}, or name a .py or .json file, or module:attribute",
    )


def _module_at(path: Path) -> ModuleType:
    if not path.is_file():
        raise ConfigurationFault(Code.UNKNOWN_PACK, "there is no such file", where=str(path))
    spec = importlib.util.spec_from_file_location(f"edge_agent_pack_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise _invalid(str(path), "cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # postponed annotations are looked up there
    try:
        spec.loader.exec_module(module)
    except ConfigurationFault:
        raise
    except Exception as problem:  # a user's module may fail in any way
        raise _invalid(str(path), f"cannot be imported: {problem!r}") from problem
    return module


def _pack_of(module: ModuleType, attribute: str, where: str) -> Pack:
    pack = getattr(module, attribute, None)
    if not isinstance(pack, Pack):
        raise _invalid(where, f"needs `{attribute} = make_pack(…)`")
    return pack


def _invalid(where: str, message: str) -> ConfigurationFault:
    return ConfigurationFault(Code.PACK_INVALID, message, where=where)
