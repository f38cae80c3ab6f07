"""A Debian in a folder: made by debootstrap, entered by chroot. For the scripts that try service and images out.

Needs root, Linux and debootstrap. Everything lies in one folder, which is removed at the end unless it is to be kept.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

CHECKOUT: Final = Path(__file__).resolve().parent.parent
WHEELS: Final = CHECKOUT / ".wheels"
SUITE: Final = "bookworm"
MIRROR: Final = os.environ.get("DEBIAN_MIRROR", "http://deb.debian.org/debian")


def say(words: str) -> None:
    """One line, at once."""
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


def run(command: Sequence[str | Path], **more: object) -> str:
    """The command's stdout; one that fails ends the script with what it said."""
    words = [str(word) for word in command]
    done = subprocess.run(words, check=False, capture_output=True, text=True, **more)  # type: ignore[call-overload]
    if done.returncode != 0:
        sys.exit(f"{' '.join(words)} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return str(done.stdout)


def require(*programs: str) -> None:
    """Root, and these programs; says what to install."""
    if os.geteuid() != 0:
        sys.exit("only root can try this out")
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        sys.exit(f"missing: {', '.join(missing)} (apt-get install debootstrap systemd-container util-linux)")


@contextlib.contextmanager
def working_folder(keep: Path | None) -> Iterator[Path]:
    """A folder for the root, outside of /tmp so that nothing of systemd clears it; `keep` stays and is used again."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.resolve()
        return
    folder = Path(tempfile.mkdtemp(prefix="edge-agent-root-", dir="/var/tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def bootstrap(root: Path, packages: Sequence[str]) -> None:
    """Debian's smallest, and these packages; a root that is there already is taken as it is."""
    if not (root / "etc" / "debian_version").exists():
        say(f"root        Debian {SUITE} in {root}")
        run(["debootstrap", "--variant=minbase", f"--include={','.join(packages)}", SUITE, root, MIRROR])


def project_wheel(folder: Path) -> Path:
    """The project's wheel, of this checkout as it lies here."""
    run([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, CHECKOUT])
    (wheel,) = folder.glob("edge_agent-*.whl")
    return wheel


def download_dependencies(wheel: Path, folder: Path, *further: str) -> None:
    """Everything that the wheel needs, and further packages, into a folder; the engine as it was built here."""
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    run([*pip, "download", "--dest", folder, "--find-links", WHEELS, f"{wheel}[speech]", *further])
