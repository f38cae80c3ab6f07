"""Reads Dockerfiles into stages and instructions, and says which files of a folder a .dockerignore lets through. Pure.

Only what this project's own files use: no heredocs, no ONBUILD, no escape directive.
"""

from __future__ import annotations

import fnmatch
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: its name in capitals, its --flags, and the rest as it stands."""

    name: str
    rest: str
    flags: Mapping[str, str] = field(default_factory=dict)

    @property
    def words(self) -> tuple[str, ...]:
        """The rest as words: a JSON list, or split as a shell does."""
        if self.rest.startswith("["):
            return tuple(str(word) for word in json.loads(self.rest))
        return tuple(shlex.split(self.rest))


@dataclass(frozen=True, slots=True)
class Stage:
    """From one FROM to the next."""

    base: str
    name: str
    instructions: tuple[Instruction, ...]

    def last(self, name: str) -> Instruction | None:
        """The instruction of this name that counts."""
        return next((one for one in reversed(self.instructions) if one.name == name), None)


def parse(text: str) -> tuple[Stage, ...]:
    """The stages of a Dockerfile, in order."""
    stages: list[Stage] = []
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for whole in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        if not whole.strip():
            continue
        one = _instruction(whole.strip())
        if one.name == "FROM":
            base, *named = one.words
            stages.append(Stage(base, named[1] if named else "", ()))
        else:
            before = stages.pop()
            stages.append(Stage(before.base, before.name, (*before.instructions, one)))
    return tuple(stages)


def _instruction(line: str) -> Instruction:
    name, _, rest = line.partition(" ")
    flags: dict[str, str] = {}
    while found := re.match(r"\s*--([a-z-]+)=(\S+)", rest):
        flags[found[1]] = found[2]
        rest = rest[found.end() :]
    return Instruction(name.upper(), rest.strip(), flags)


def let_through(path: PurePosixPath, ignore: Sequence[str]) -> bool:
    """Whether a .dockerignore lets a file into the context; the last line that fits it or a folder above decides."""
    taken = True
    for line in ignore:
        pattern = line.removeprefix("!").rstrip("/")
        if pattern and not pattern.startswith("#") and any(_fits(place, pattern) for place in (path, *path.parents)):
            taken = line.startswith("!")
    return taken


def _fits(path: PurePosixPath, pattern: str) -> bool:
    if pattern.startswith("**/"):
        return fnmatch.fnmatch(path.name, pattern.removeprefix("**/"))
    return len(path.parts) == pattern.count("/") + 1 and fnmatch.fnmatch(str(path), pattern)
