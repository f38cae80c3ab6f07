"""A folder with a Whisper model in CTranslate2's form, and whether it may be loaded.

Decides on the open files: what is needed is there (MODEL_MISSING), is a regular file and no pipe or link to elsewhere
(MODEL_NOT_A_FILE), is what the manifest pinned where one is given (MODEL_HASH_MISMATCH), and holds together as far as
that can be seen without loading (MODEL_DAMAGED). What was checked is what is loaded: the model is read through these
same open files, so nothing can be put in their place, and nothing is looked for on a network.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import struct
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from edge_agent.errors import Code, ConfigurationFault

MODEL, CONFIG, TOKENIZER, FEATURES = "model.bin", "config.json", "tokenizer.json", "preprocessor_config.json"
VOCABULARIES: Final = ("vocabulary.json", "vocabulary.txt")
_NEEDED: Final = (MODEL, CONFIG, TOKENIZER)
FILES: Final = (*_NEEDED, *VOCABULARIES, FEATURES)
"""Every file that is read. Of the vocabularies one is needed; without FEATURES the sound is read in 80 bands."""
JSON_BYTES_MAX: Final = 64 << 20
"""More is no JSON of a model's."""
_CHUNK_BYTES: Final = 1 << 20
_SPEC: Final = b"WhisperSpec\0"
_BINARY_VERSION_MAX: Final = 6
"""The newest form of model.bin that CTranslate2 4 reads."""
_OPEN_FILES: Final = Path("/proc/self/fd")


def check_folder(folder: Path, sha256: Mapping[str, str] | None = None) -> None:
    """Return when the folder's model may be loaded. `sha256` has the pinned digest of each file by its name.

    Raises:
        ConfigurationFault: MODEL_MISSING, MODEL_NOT_A_FILE, MODEL_HASH_MISMATCH, MODEL_DAMAGED.
    """
    with opened_folder(folder, sha256):
        pass


@contextmanager
def opened_folder(folder: Path, sha256: Mapping[str, str] | None = None) -> Iterator[Path]:
    """A folder by which exactly the checked files can be loaded: links to them as they are held open.

    CTranslate2 takes open files as well, but keeps their bytes beside the model for as long as it lives.

    Raises:
        ConfigurationFault: as `check_folder`.
    """
    if not folder.is_dir():
        code = Code.MODEL_NOT_A_FILE if folder.exists() else Code.MODEL_MISSING
        why = "is no folder" if folder.exists() else "there is no such folder"
        raise ConfigurationFault(code, f"{why}; name one with model.bin and its companions", where=str(folder))
    with ExitStack() as stack:
        files = {name: stack.enter_context(_open(folder / name)) for name in FILES if os.path.lexists(folder / name)}
        _check_complete(folder, files, sha256 or {})
        if sha256 is not None:
            for name, file in files.items():
                _check_digest(folder / name, file, sha256.get(name))
        for name in files.keys() - {MODEL, "vocabulary.txt"}:
            _check_json(folder / name, files[name])
        _check_model(folder / MODEL, files[MODEL])
        if not _OPEN_FILES.is_dir():
            yield folder
            return
        links = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="whisper-")))
        for name, file in files.items():
            (links / name).symlink_to(_OPEN_FILES / str(file.fileno()))
        yield links


def _check_complete(folder: Path, files: Mapping[str, BinaryIO], sha256: Mapping[str, str]) -> None:
    pinned = [name for name in FILES if name in sha256]
    missing = [name for name in dict.fromkeys([*_NEEDED, *pinned]) if name not in files]
    if not any(name in files for name in VOCABULARIES):
        missing.append(" or ".join(VOCABULARIES))
    if missing:
        # without tokenizer.json faster-whisper would fetch one
        why = f"lacks {', '.join(missing)}; copy the whole model folder, nothing is fetched"
        raise ConfigurationFault(Code.MODEL_MISSING, why, where=str(folder))


def _open(path: Path) -> BinaryIO:
    where = str(path)
    try:
        target = path.resolve(strict=True)
        if path.is_symlink() and target.parent != path.parent.resolve():
            why = f"is a link that leads elsewhere ({target}); copy the file itself"
            raise ConfigurationFault(Code.MODEL_NOT_A_FILE, why, where=where)
        # not blocking, so that a pipe nobody writes to is refused instead of waited for
        descriptor = os.open(target, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as problem:
        raise ConfigurationFault(Code.MODEL_NOT_A_FILE, problem.strerror or str(problem), where=where) from problem
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ConfigurationFault(Code.MODEL_NOT_A_FILE, "is no regular file", where=where)
    return os.fdopen(descriptor, "rb")


def _check_digest(path: Path, file: BinaryIO, expected: str | None) -> None:
    if expected is None:
        why = "is not in the manifest that pins this model; pull or verify the model again"
        raise ConfigurationFault(Code.MODEL_HASH_MISMATCH, why, where=str(path))
    digest = hashlib.sha256()
    file.seek(0)
    while chunk := file.read(_CHUNK_BYTES):
        digest.update(chunk)
    if digest.hexdigest() != expected.lower():
        why = f"sha256 is {digest.hexdigest()[:16]}…, expected {expected[:16]}…; fetch the model again"
        raise ConfigurationFault(Code.MODEL_HASH_MISMATCH, why, where=str(path))


def _check_json(path: Path, file: BinaryIO) -> None:
    file.seek(0)
    try:
        json.loads(file.read(JSON_BYTES_MAX))  # cut there it is none
    except (ValueError, RecursionError) as problem:
        why = f"cannot be read as JSON ({problem}); fetch the model again"
        raise ConfigurationFault(Code.MODEL_DAMAGED, why, where=str(path)) from problem


def _check_model(path: Path, file: BinaryIO) -> None:
    """The first bytes: a version, and the name of what it is a model of with its length before it."""
    file.seek(0)
    head = file.read(6 + len(_SPEC))
    version, length = struct.unpack("<IH", head[:6]) if len(head) >= 6 else (0, 0)
    if not 1 <= version <= _BINARY_VERSION_MAX or length != len(_SPEC) or head[6:] != _SPEC:
        why = "is no Whisper model in CTranslate2's form; take one that was converted for faster-whisper"
        raise ConfigurationFault(Code.MODEL_DAMAGED, why, where=str(path))
