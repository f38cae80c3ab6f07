"""Who is known: the file `clients.toml`, one table a key, read again whenever it changes.

    [[client]]
    name = "porter"
    public = "…"
    verbs = ["watch", "perform"]
    robots = ["porter"]

A file that cannot be trusted lets nobody new in and changes nothing for the rest: the last good reading holds, and
`trouble` says what is wrong. A file that is gone means that nobody is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from edge_agent import limits
from edge_agent.errors import Code, ConfigurationFault
from edge_agent.keys.curve import check_public
from edge_agent.keys.files import PUBLIC_MODE, read_guarded, replace
from edge_agent.keys.grants import LOCAL, Grant
from edge_agent.keys.tables import read_tables, write_tables

CLIENTS: Final = "clients.toml"
_HEADING: Final = (
    "# Who may speak to this node over TCP. `edge-agent keys` writes this file, the node reads it again when it\n"
    "# changes, and nobody else may write it.\n\n"
)

Signature = tuple[int, int, int]


class Ring:
    """The keys that a running node knows."""

    def __init__(self, folder: Path, wall_ms: Callable[[], int]) -> None:
        """Read the file.

        Raises:
            ConfigurationFault: KEY_INVALID.
        """
        self._path = folder / CLIENTS
        self._wall_ms = wall_ms
        self._seen = _signature(self._path)
        self._grants = _by_key(read_grants(folder))
        self.trouble = ""
        """What is wrong with the file now; empty when all is well."""

    def find(self, public: str) -> Grant | None:
        """The grant of a key that is good now."""
        grant = self._grants.get(public)
        return grant if grant is not None and grant.holds(self._wall_ms()) else None

    def known(self) -> frozenset[str]:
        """Every public key that is good now."""
        return frozenset(self.names())

    def names(self) -> dict[str, str]:
        """Whose every public key is that is good now."""
        return {public: grant.name for public, grant in self._grants.items() if self.find(public) is not None}

    def has(self, name: str) -> bool:
        """Whether somebody has a key that is good now."""
        return any(grant.name == name and self.find(public) is not None for public, grant in self._grants.items())

    def refresh(self) -> bool:
        """Read the file again if it has changed; whether anything is different now."""
        seen = _signature(self._path)
        if seen == self._seen:
            return False
        self._seen = seen
        before, trouble_before = self._grants, self.trouble
        try:
            self._grants, self.trouble = _by_key(read_grants(self._path.parent)), ""
        except ConfigurationFault as problem:
            self.trouble = str(problem)
        return self._grants != before or self.trouble != trouble_before


def read_grants(folder: Path) -> tuple[Grant, ...]:
    """Every key of the file, revoked ones too; none when there is no file.

    Raises:
        ConfigurationFault: KEY_INVALID, naming the key's place.
    """
    path = folder / CLIENTS
    try:
        text = read_guarded(path)
    except ConfigurationFault as problem:
        if problem.code is Code.KEY_MISSING:
            return ()
        raise
    return parse_grants(text, where=str(path))


def parse_grants(text: str, *, where: str) -> tuple[Grant, ...]:
    """Every key of the file's text.

    Raises:
        ConfigurationFault: KEY_INVALID, naming the key's place.
    """
    tree = read_tables(text, where=where)
    listed = tree.pop("client", [])
    if tree or not isinstance(listed, list) or len(listed) > limits.KEYS_MAX:
        raise ConfigurationFault(
            Code.KEY_INVALID, f"the file holds up to {limits.KEYS_MAX} tables [[client]] and nothing else", where=where
        )
    grants = tuple(build_grant(table, f"{where}: client {number}") for number, table in enumerate(listed, start=1))
    keys = [grant.public for grant in grants]
    if len(set(keys)) < len(keys):
        raise ConfigurationFault(Code.KEY_INVALID, "one key stands twice", where=where)
    return grants


def write_grants(folder: Path, grants: Iterable[Grant]) -> None:
    """Write the file anew, whole; nothing that would not be read again as it is.

    Raises:
        ConfigurationFault: KEY_INVALID, also when it cannot be written.
    """
    tables = [
        grant.model_dump(exclude_none=True)
        | {"verbs": sorted(verb.value for verb in grant.verbs), "robots": list(grant.robots)}
        for grant in grants
    ]
    text = _HEADING + write_tables({"client": tables})
    parse_grants(text, where=str(folder / CLIENTS))
    replace(folder / CLIENTS, text, PUBLIC_MODE)


def build_grant(table: object, where: str) -> Grant:
    """A grant from its table.

    Raises:
        ConfigurationFault: KEY_INVALID, naming the field.
    """
    try:
        grant = Grant.model_validate(table)
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        raise ConfigurationFault(Code.KEY_INVALID, first["msg"], where=f"{where}: {place}") from problem
    if grant.name == LOCAL.name:
        raise ConfigurationFault(Code.KEY_INVALID, "local are the clients without a key", where=f"{where}: name")
    check_public(grant.public, where=f"{where}: public")
    return grant


def _by_key(grants: Iterable[Grant]) -> dict[str, Grant]:
    return {grant.public: grant for grant in grants}


def _signature(path: Path) -> Signature | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_mode
