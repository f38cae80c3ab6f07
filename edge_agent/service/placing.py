"""Puts the service's files under a root folder and takes them away again, all checked before the first is touched.

Refuses to write over a file that it did not write itself, or that was changed since. What is taken away is what is
still as it was written; the rest is kept and named.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath

from edge_agent import __version__
from edge_agent.errors import Code, ConfigurationFault, NodeFault
from edge_agent.service.files import CONFIG, KEYS, RUNTIME, STATE, PlannedFile
from edge_agent.service.manifest import MANIFEST, InstalledFile, Manifest, digest, parse_manifest


class Done(StrEnum):
    """What became of a file."""

    WRITTEN = "written"
    UNCHANGED = "unchanged"
    KEPT = "kept"
    """It is the owner's, or was changed by somebody since."""
    REMOVED = "removed"
    GONE = "gone"
    """It had been taken away already."""


@dataclass(frozen=True, slots=True)
class Placed:
    """One file, or a folder with all that is in it, and what became of it."""

    path: PurePosixPath
    done: Done


class Root:
    """The machine's files below one folder: / itself, or an image that is being built."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def manifest(self) -> Manifest | None:
        """What is installed here.

        Raises:
            ConfigurationFault: SERVICE_INVALID, FOREIGN_FILE.
            NodeFault: SERVICE_FAILED.
        """
        found = self._content(MANIFEST)
        return None if found is None else parse_manifest(found, where=str(self.at(MANIFEST)))

    def install(self, files: tuple[PlannedFile, ...], user: str, *, dry_run: bool) -> tuple[Placed, ...]:
        """Write what is not there yet, take away what an earlier installation had beyond it, and list it all.

        Raises:
            ConfigurationFault: FOREIGN_FILE, naming every file in the way; nothing was written then. SERVICE_INVALID.
            NodeFault: SERVICE_FAILED.
        """
        before = self.manifest() or Manifest(version=__version__, user=user)
        ends = [(file, self._intended(file, before)) for file in files]
        foreign = [str(self.at(file.path)) for file, done in ends if done is Done.KEPT and not file.owners]
        if foreign:
            raise ConfigurationFault(
                Code.FOREIGN_FILE,
                "not written by this program, or changed since; move it aside, and make changes in a drop-in",
                where=", ".join(foreign),
            )
        planned = {str(file.path) for file in files}
        former = [file for file in before.files if file.path not in planned]
        removed = self._remove(former, dry_run=dry_run)
        if not dry_run:
            for file, done in ends:
                if done is Done.WRITTEN:
                    self._write(file.path, file.link or file.text.encode())
            kept = [file for file, one in zip(former, removed, strict=True) if one.done is Done.KEPT]
            self._list(ends, kept, user, before)
        return (*(Placed(file.path, done) for file, done in ends), *removed)

    def uninstall(self, *, purge: bool, dry_run: bool) -> tuple[Placed, ...]:
        """Take away what was installed and is unchanged; with `purge`, settings, keys and state as well.

        Raises:
            ConfigurationFault: NOT_INSTALLED, SERVICE_INVALID, FOREIGN_FILE.
            NodeFault: SERVICE_FAILED.
        """
        found = self.manifest()
        if found is None:
            raise ConfigurationFault(Code.NOT_INSTALLED, "nothing was installed here", where=str(self.at(MANIFEST)))
        placed = self._remove(found.files, dry_run=dry_run, anyway=frozenset({CONFIG} if purge else ()))
        for folder in (KEYS, MANIFEST.parent, STATE, RUNTIME) if purge else ():
            if self.at(folder).is_dir():
                placed.append(Placed(folder, Done.REMOVED))
                if not dry_run:
                    with _named(self.at(folder)):
                        shutil.rmtree(self.at(folder))
        if not dry_run:
            self._unlink(MANIFEST)
            self._unlink_empty({PurePosixPath(file.path).parent for file in found.files})
        return tuple(placed)

    def has(self, path: PurePosixPath) -> bool:
        """Whether anything is there."""
        return (self._folder / path.relative_to("/")).exists()

    def at(self, path: PurePosixPath) -> Path:
        """Where a path of the machine lies.

        Raises:
            ConfigurationFault: FOREIGN_FILE when a link on the way leads out of the root folder.
        """
        place = self._folder / path.relative_to("/")
        if not place.parent.resolve().is_relative_to(self._folder.resolve()):
            raise ConfigurationFault(Code.FOREIGN_FILE, "a link on the way leads out of the root", where=str(place))
        return place

    def _intended(self, file: PlannedFile, before: Manifest) -> Done:
        found = self._content(file.path)
        if found is None:
            return Done.WRITTEN
        if found == _content_of(file):
            return Done.UNCHANGED
        return Done.WRITTEN if not file.owners and before.digest_of(file.path) == digest(found) else Done.KEPT

    def _remove(
        self, files: Iterable[InstalledFile], *, dry_run: bool, anyway: frozenset[PurePosixPath] = frozenset()
    ) -> list[Placed]:
        placed = []
        for file in files:
            path = PurePosixPath(file.path)
            found = self._content(path)
            if found is None:
                placed.append(Placed(path, Done.GONE))
            elif digest(found) != file.sha256 and path not in anyway:
                placed.append(Placed(path, Done.KEPT))
            else:
                placed.append(Placed(path, Done.REMOVED))
                if not dry_run:
                    self._unlink(path)
        return placed

    def _list(
        self, ends: list[tuple[PlannedFile, Done]], kept: list[InstalledFile], user: str, before: Manifest
    ) -> None:
        """An owner's file that was there first is not listed: it is not ours to take away."""
        mine = []
        for file, done in ends:
            sha256 = before.digest_of(file.path) if done is Done.KEPT else digest(_content_of(file))
            if sha256 is not None:
                mine.append(InstalledFile(path=str(file.path), sha256=sha256))
        listed = Manifest(version=__version__, user=user, files=(*mine, *kept))
        self._write(MANIFEST, (listed.model_dump_json(indent=2) + "\n").encode())

    def _content(self, path: PurePosixPath) -> bytes | None:
        """A file's bytes, where a link leads, or None when nothing is there."""
        place = self.at(path)
        with _named(place):
            if place.is_symlink():
                return os.fsencode(place.readlink())
            if not place.exists():
                return None
            if not place.is_file():
                raise ConfigurationFault(Code.FOREIGN_FILE, "it is no file; move it aside", where=str(place))
            return place.read_bytes()

    def _write(self, path: PurePosixPath, content: bytes | PurePosixPath) -> None:
        """The whole file or nothing of it, readable by everybody."""
        place = self.at(path)
        fresh = place.with_name(f".{place.name}.{os.getpid()}")
        with _named(place):
            place.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            fresh.unlink(missing_ok=True)
            if isinstance(content, PurePosixPath):
                fresh.symlink_to(content)
            else:
                fresh.write_bytes(content)
                fresh.chmod(0o644)
            fresh.replace(place)

    def _unlink(self, path: PurePosixPath) -> None:
        place = self.at(path)
        with _named(place):
            place.unlink(missing_ok=True)

    def _unlink_empty(self, folders: Iterable[PurePosixPath]) -> None:
        """Folders that only the service had; those of the system are called otherwise."""
        for folder in folders:
            place = self.at(folder)
            if folder.name.startswith("edge-agent") and place.is_dir() and not any(place.iterdir()):
                with _named(place):
                    place.rmdir()


def _content_of(file: PlannedFile) -> bytes:
    return file.text.encode() if file.link is None else os.fsencode(file.link)


@contextmanager
def _named(place: Path) -> Iterator[None]:
    """Whatever the system refuses inside becomes SERVICE_FAILED, with the path."""
    try:
        yield
    except OSError as problem:
        raise NodeFault(Code.SERVICE_FAILED, problem.strerror or str(problem), where=str(place)) from problem
