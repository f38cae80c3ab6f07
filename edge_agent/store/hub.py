"""The Hugging Face hub: what it records of a repository's files, and their bytes.

The only file that imports huggingface_hub, and the only one of the package that opens a connection to the outside; it
runs when a person types `models pull`, never in the node. Files come over plain HTTP, from where a download broke off:
the library's own calls begin anew each time. The repositories are public: no token is sent. Whatever the hub or the
network does wrong is DOWNLOAD_FAILED.
"""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_agent.errors import Code, EdgeAgentError, NodeFault

try:
    from huggingface_hub import HfApi, ModelInfo, hf_hub_url
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils.tqdm import disable_progress_bars
except ImportError as problem:
    raise NodeFault(
        Code.DOWNLOAD_FAILED, "the library that speaks to the hub is missing: pip install 'edge-agent[speech]'"
    ) from problem

CONTACT_S: Final = 5.0
"""How long the hub may take to connect, and then to answer."""
FIRST_ANSWER_S: Final = 8.0
"""All together, the name's look-up included, which no timeout of the library bounds."""

# the library's HTTP client has another name in each of its major versions; its own error tells the client's
_HTTP_ERROR: Final[type[BaseException]] = HfHubHTTPError.__bases__[0]
_SAID_CHARS_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file as the hub records it: `sha256` of a large one; of a small one, which git itself holds, `git_sha1`."""

    name: str
    bytes: int
    sha256: str
    git_sha1: str


@dataclass(frozen=True, slots=True)
class HubRecord:
    """Files of a repository at one commit."""

    repository: str
    commit: str
    files: tuple[HubFile, ...]


def record_of(repository: str, names: Sequence[str], *, endpoint: str | None = None) -> HubRecord:
    """What the hub records of these files at the repository's newest commit.

    Raises:
        NodeFault: DOWNLOAD_FAILED.
    """
    with _translated():
        info = _within(
            FIRST_ANSWER_S,
            lambda: HfApi(endpoint=endpoint).model_info(
                repository, revision="main", files_metadata=True, timeout=CONTACT_S, token=False
            ),
        )
    files = {sibling.rfilename: sibling for sibling in info.siblings or ()}
    if missing := [name for name in names if name not in files]:
        raise NodeFault(Code.DOWNLOAD_FAILED, f"{repository} no longer holds {', '.join(missing)}")
    found = []
    for name in names:
        entry = files[name]
        sha256, git_sha1 = (entry.lfs.sha256, "") if entry.lfs else ("", entry.blob_id or "")
        if entry.size is None or not (sha256 or git_sha1):
            raise NodeFault(Code.DOWNLOAD_FAILED, f"the hub records no hash of {name} in {repository}")
        found.append(HubFile(name, entry.size, sha256, git_sha1))
    if not info.sha:
        raise NodeFault(Code.DOWNLOAD_FAILED, f"the hub names no commit of {repository}")
    return HubRecord(repository, info.sha, tuple(found))


def fetch(
    record: HubRecord, file: HubFile, part: Path, *, endpoint: str | None = None, told: Callable[[int], None]
) -> None:
    """The rest of a file into `part`, which may hold its beginning; `told` hears how many bytes are there.

    Raises:
        NodeFault: DOWNLOAD_FAILED; `part` keeps what came.
    """
    disable_progress_bars()
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    url = hf_hub_url(record.repository, file.name, revision=record.commit, endpoint=endpoint)
    # not compressed on the way, so that a broken-off download goes on at the byte where it broke off
    headers = {"Accept-Encoding": "identity"}
    with _translated(), _Told(part, told) as target:
        http_get(url, target, resume_size=target.tell(), headers=headers, expected_size=file.bytes)


class _Told(io.BufferedRandom):
    """A file opened at its end that tells how long it has become."""

    def __init__(self, path: Path, told: Callable[[int], None]) -> None:
        path.touch()
        super().__init__(io.FileIO(path, "r+"))
        self.seek(0, io.SEEK_END)
        self._told = told

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        """Write, and tell."""
        count = super().write(data)
        self._told(self.tell())
        return count


def _within(seconds: float, ask: Callable[[], ModelInfo]) -> ModelInfo:
    """An answer in time. A look-up that still hangs is left behind in a thread that ends with the process."""
    answers: list[ModelInfo] = []
    failures: list[BaseException] = []

    def work() -> None:
        try:
            answers.append(ask())
        except BaseException as problem:  # raised below, in the caller's thread
            failures.append(problem)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    if failures:
        raise failures[0]
    if not answers:
        raise NodeFault(Code.DOWNLOAD_FAILED, f"the hub did not answer within {seconds:.0f} s")
    return answers[0]


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except EdgeAgentError:
        raise
    # an answer of another shape, as a hotel's sign-in page gives it, fails in the library's own reading of it
    except (OSError, ValueError, TypeError, LookupError, AttributeError, _HTTP_ERROR) as problem:
        said = " ".join(str(problem).split()) or type(problem).__name__
        raise NodeFault(Code.DOWNLOAD_FAILED, said[:_SAID_CHARS_MAX]) from problem
