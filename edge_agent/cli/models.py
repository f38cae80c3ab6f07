"""`models`: which models are at hand, fetching others, and whether their bytes are the right ones."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge_agent.cli.exit_codes import Exit, exit_of_error
from edge_agent.cli.screen import Screen
from edge_agent.errors import EdgeAgentError
from edge_agent.language.models import bundled_sha256, manifest, models_dir, verify
from edge_agent.store.catalogue import OFFERS, is_whisper, offer_of
from edge_agent.store.pinned import MANIFEST, ORIGIN_WORDS, Pinned, model_folders, pinned, store_dir, verify_folder

EXAMPLE = """\
edge-agent models list
edge-agent models pull small.en
edge-agent models verify
edge-agent models verify greenhouse.gguf"""

COLUMNS = ("model", "parameters", "format", "size", "licence", "state")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `models` takes."""
    parser.add_argument("what", choices=("list", "pull", "verify"))
    parser.add_argument(
        "names", nargs="*", metavar="NAME|FILE", help="models to pull; or files and folders of your own to verify"
    )


def run(options: argparse.Namespace, screen: Screen) -> Exit:
    """Show what is there, fetch a model by name, or read every byte again and compare."""
    if options.what == "pull":
        return _pull(options.names, screen)
    if options.names and options.what == "verify":
        return max((_verify_own(Path(name), screen) for name in options.names), default=Exit.OK)
    return _show(screen, checking=options.what == "verify")


@dataclass(frozen=True, slots=True)
class _Row:
    """One model of the table, and what is wrong with it."""

    name: str
    source: str
    path: Path
    parameters: str
    form: str
    megabytes: float
    licence: str
    state: str
    sha256: str = ""
    wrong: EdgeAgentError | None = None

    def cells(self) -> tuple[str, ...]:
        """As a line of COLUMNS."""
        return self.name, self.parameters, self.form, f"{self.megabytes:,.1f} MB", self.licence, self.state

    def record(self) -> dict[str, object]:
        """For programs."""
        plain: dict[str, object] = {"name": self.name, "source": self.source, "file": str(self.path)}
        return plain | ({"sha256": self.sha256} if self.sha256 else {}) | {"state": self.state}


def _show(screen: Screen, *, checking: bool) -> Exit:
    """A line a model; with `checking`, every byte is read and compared with the manifests."""
    rows = [*_bundled(checking=checking), *_stored(checking=checking)]
    for row in rows:
        screen.record(row.record())
        if row.wrong is not None:
            screen.error(row.wrong)
    screen.table(COLUMNS, [row.cells() for row in rows], right=frozenset({1, 3}))
    if not checking:
        screen.line("")
        screen.line(("to be had with `models pull NAME`; they come to ", "dim"), str(store_dir()))
        there = {row.name for row in rows}
        offers = [offer for offer in OFFERS if offer.name not in there]
        screen.table(
            ("name", "size", "licence", "what it is"),
            [(offer.name, f"{offer.megabytes:,} MB", offer.licence, offer.words) for offer in offers],
            right=frozenset({1}),
        )
    return max((exit_of_error(row.wrong) for row in rows if row.wrong is not None), default=Exit.OK)


def _bundled(*, checking: bool) -> Iterator[_Row]:
    for model in manifest().models:
        path = models_dir() / model.file
        state, wrong = "at hand" if path.is_file() else "missing", None
        if checking:
            try:
                verify(path, model.sha256)
                state = "bytes as published"
            except EdgeAgentError as error:
                state, wrong = error.code.value, error
        parameters, megabytes = f"{model.parameters / 1e6:.1f} M", model.bytes / 1e6
        form, licence, sha256 = model.quantization, model.licence, model.sha256
        yield _Row(model.name, "bundled", path, parameters, form, megabytes, licence, state, sha256, wrong)


def _stored(*, checking: bool) -> Iterator[_Row]:
    licences = {offer.name: offer.licence for offer in OFFERS}
    for folder in model_folders():
        known: Pinned | None = None
        state, wrong = "not verified yet", None
        try:
            known = _verified(folder) if checking else pinned(folder)
            if known is not None:
                state = ORIGIN_WORDS[known.origin] if checking else _pinned_words(known)
        except EdgeAgentError as error:
            state, wrong = error.code.value, error
        files = known.files if known else [one.name for one in folder.iterdir()]
        megabytes = known.bytes / 1e6 if known else sum(one.stat().st_size for one in folder.iterdir()) / 1e6
        form = "Whisper" if is_whisper(files) else "GGUF"
        licence = licences.get(folder.name, "-")
        yield _Row(folder.name, "store", folder, "-", form, megabytes, licence, state, wrong=wrong)


def _pinned_words(known: Pinned) -> str:
    return f"pulled, commit {known.commit[:12]}" if known.origin == "hub" else "copied"


def _verified(folder: Path) -> Pinned:
    """Hashes first; what llama.cpp would load must hold together as well."""
    known = verify_folder(folder)
    for name, file in known.files.items():
        if name.endswith(".gguf"):
            verify(folder / name, file.sha256)
    return known


def _verify_own(path: Path, screen: Screen) -> Exit:
    """A GGUF of the owner's: whole or not, and its digest for the settings. A folder: against its manifest."""
    try:
        if path.is_dir():
            known = _verified(path)
            screen.line((str(path), "bold"), f"  {ORIGIN_WORDS[known.origin]}", (f"  {path / MANIFEST}", "dim"))
            screen.record({"file": str(path), "state": ORIGIN_WORDS[known.origin]})
            return Exit.OK
        verify(path, bundled_sha256(path))
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        screen.line((str(path), "bold"), "  whole  ", (f"sha256 {sha256}", "dim"))
        screen.record({"file": str(path), "sha256": sha256, "state": "whole"})
    except EdgeAgentError as error:
        screen.error(error)
        screen.record({"file": str(path), "state": error.code.value})
        return exit_of_error(error)
    return Exit.OK


def _pull(names: list[str], screen: Screen) -> Exit:
    offers = [offer_of(name) for name in names or [""]]
    # only here: nothing else of this program opens a connection to the outside
    from edge_agent.store.pull import pull  # noqa: PLC0415

    for offer in offers:
        with screen.meter(f"{offer.name} from {offer.repository}") as move:

            def told(_name: str, done: int, whole: int) -> None:
                move(done / max(1, whole), f"{done / 1e6:,.0f} of {whole / 1e6:,.0f} MB")

            known = pull(offer, store_dir(), told)
        folder = store_dir() / offer.name
        _verified(folder)
        path = folder / offer.files[0] if offer.sort == "gguf" else folder
        screen.line((known.name, "bold"), f"  {ORIGIN_WORDS[known.origin]}", (f"  commit {known.commit[:12]}", "dim"))
        screen.line(f"  {path}")
        screen.record({"name": known.name, "file": str(path), "commit": known.commit, "state": ORIGIN_WORDS["hub"]})
    return Exit.OK
