"""Fetching a model: into a hidden folder, each file checked against the hub's record, the whole put in place at once.

Decides what is still missing: what a download that broke off left, and what a person copied, is used where it is what
the hub records. Refuses, before a byte is fetched, when the disk is too small or another pull of the model runs; and
afterwards whatever is not what the hub records (MODEL_HASH_MISMATCH). Without a network it says what to copy where.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from edge_agent.errors import Code, ConfigurationFault, NodeFault
from edge_agent.store.catalogue import Offer
from edge_agent.store.hub import HubFile, HubRecord, fetch, record_of
from edge_agent.store.pinned import Pinned, PinnedFile, pin, pinned, regular_file, verify_folder

SPARE_BYTES: Final = 64 * 1024 * 1024
"""What must stay free on the disk beside the model."""
_CHUNK_BYTES: Final = 1 << 20

Progress = Callable[[str, int, int], None]
"""Hears a file's name, how many bytes of the whole model are there, and how many there will be."""


def pull(offer: Offer, store: Path, told: Progress, *, endpoint: str | None = None) -> Pinned:
    """The model in the store, whole and pinned; what is already there is not fetched again.

    `endpoint` is another hub than the library's own choice ($HF_ENDPOINT, or huggingface.co).

    Raises:
        NodeFault: DOWNLOAD_FAILED, MODEL_HASH_MISMATCH.
    """
    part, folder = store / f".{offer.name}.part", store / offer.name
    with _on_disk(store), _alone(store, offer):
        record = _record(offer, store, endpoint)
        if already := _already(folder, record):
            return already
        part.mkdir(exist_ok=True)
        kept = {file.name: _kept(file, part, folder) for file in record.files}
        files = {name: file for name, file in kept.items() if file is not None}
        missing = [file for file in record.files if file.name not in files]
        _room_for(missing, part, offer)
        whole = sum(file.bytes for file in record.files)
        done = whole - sum(file.bytes for file in missing)
        for file in missing:
            files[file.name] = _fetched(record, file, part, endpoint, partial(_tell, told, file.name, done, whole))
            done += file.bytes
        result = Pinned(name=offer.name, origin="hub", repository=record.repository, commit=record.commit, files=files)
        pin(part, result)
        _put(part, folder)
    return result


def by_hand(offer: Offer, store: Path) -> str:
    """What to do on a machine without a network."""
    return (
        f"Without a network: on another machine take {', '.join(offer.files)} from "
        f"https://huggingface.co/{offer.repository}/tree/main, copy them into {store / offer.name} on this one, "
        "then run `edge-agent models verify`"
    )


def _record(offer: Offer, store: Path, endpoint: str | None) -> HubRecord:
    try:
        return record_of(offer.repository, offer.files, endpoint=endpoint)
    except NodeFault as problem:
        raise NodeFault(Code.DOWNLOAD_FAILED, f"{problem.message}. {by_hand(offer, store)}") from problem


def _already(folder: Path, record: HubRecord) -> Pinned | None:
    """The model that lies there, when it is this commit's and every byte is right."""
    try:
        known = pinned(folder)
        if known is not None and known.origin == "hub" and known.commit == record.commit:
            return verify_folder(folder)
    except ConfigurationFault:  # damaged: it is fetched anew
        pass
    return None


def _kept(file: HubFile, part: Path, folder: Path) -> PinnedFile | None:
    """A file that need not be fetched, brought into `part`: fetched before, or lying in the model's folder."""
    if found := _checked(part / file.name, file):
        return found
    found = _checked(folder / file.name, file)
    if found:
        (part / file.name).unlink(missing_ok=True)
        _copy(folder / file.name, part / file.name)
    return found


def _copy(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError:  # a file system without hard links
        shutil.copyfile(source, target)


def _checked(path: Path, file: HubFile) -> PinnedFile | None:
    """Size and sha256 of a file that is what the hub records; None of any other, or of none."""
    sha256 = hashlib.sha256()
    # git's own name of a blob; it guards small files only, and only against chance
    git_sha1 = hashlib.sha1(f"blob {file.bytes}\0".encode(), usedforsecurity=False)
    try:
        with regular_file(path) as opened:
            if os.fstat(opened.fileno()).st_size != file.bytes:
                return None
            while chunk := opened.read(_CHUNK_BYTES):
                sha256.update(chunk)
                git_sha1.update(chunk)
    except ConfigurationFault:
        return None
    right = sha256.hexdigest() == file.sha256 if file.sha256 else git_sha1.hexdigest() == file.git_sha1
    return PinnedFile(bytes=file.bytes, sha256=sha256.hexdigest()) if right else None


def _fetched(
    record: HubRecord, file: HubFile, part: Path, endpoint: str | None, told: Callable[[int], None]
) -> PinnedFile:
    """A file of the hub's, checked; until then it bears a name that no reader of the folder takes for it."""
    unproven = _unproven(part, file)
    fetch(record, file, unproven, endpoint=endpoint, told=told)
    found = _checked(unproven, file)
    if found is None:
        unproven.unlink()
        why = f"{file.name} is not what the hub records at {record.commit[:12]}; it was deleted: pull again"
        raise NodeFault(Code.MODEL_HASH_MISMATCH, why, where=record.repository)
    unproven.replace(part / file.name)
    return found


def _unproven(part: Path, file: HubFile) -> Path:
    """Where a file's beginning is kept; named by what it must become, so that another commit's is not continued."""
    return part / f".{file.name}.{(file.sha256 or file.git_sha1)[:16]}"


def _room_for(missing: list[HubFile], part: Path, offer: Offer) -> None:
    begun = sum(path.stat().st_size for path in (_unproven(part, file) for file in missing) if path.exists())
    needed = sum(file.bytes for file in missing) - begun
    free = shutil.disk_usage(part).free - SPARE_BYTES
    if missing and needed > free:
        why = f"{offer.name} needs {needed / 1e6:,.0f} MB more, and {max(0, free) / 1e6:,.0f} MB are free"
        remedy = "free some, or name another disk in $EDGE_AGENT_MODELS"
        raise NodeFault(Code.DOWNLOAD_FAILED, f"{why}; {remedy}", where=str(part.parent))


def _put(part: Path, folder: Path) -> None:
    """The whole model in place of what was there; files of the owner's own beside it are taken along."""
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    part.rename(folder)
    for path in old.iterdir() if old.is_dir() else ():
        if not (folder / path.name).exists():
            path.rename(folder / path.name)
    shutil.rmtree(old, ignore_errors=True)


def _tell(told: Progress, name: str, before: int, whole: int, count: int) -> None:
    told(name, before + count, whole)


@contextmanager
def _alone(store: Path, offer: Offer) -> Iterator[None]:
    """One pull of a model at a time."""
    store.mkdir(parents=True, exist_ok=True)
    with (store / f".{offer.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as problem:
            raise NodeFault(Code.DOWNLOAD_FAILED, f"another pull of {offer.name} is running") from problem
        yield


@contextmanager
def _on_disk(store: Path) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        why = f"{problem.strerror or problem}; name another folder in $EDGE_AGENT_MODELS"
        raise NodeFault(Code.DOWNLOAD_FAILED, why, where=problem.filename or str(store)) from problem
