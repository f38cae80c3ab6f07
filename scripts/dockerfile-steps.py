"""Executes docker/Dockerfile.cpu and docker/compose.yaml where no container engine runs, in plain Debian roots.

    python scripts/dockerfile-steps.py [--folder DIR]

Each stage's steps are run by chroot in a root of its own, Debian's Python in the place of the python image; then the
compose file's services are started under its restrictions, and its executor carries a command out. Needs root,
debootstrap and systemd-nspawn; two gigabytes in /var/tmp. The step that compiles the engine finds its wheel of `make
setup` there, and pip what was downloaded beforehand, so that no step needs an index.
"""

from __future__ import annotations

import argparse
import os
import shutil
import stat
import string
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final

import yaml
from container import Container, started
from dockerfiles import Instruction, Stage, let_through, parse
from plain_root import (
    CHECKOUT,
    WHEELS,
    bootstrap,
    download_dependencies,
    project_wheel,
    require,
    run,
    say,
    working_folder,
)

PACKAGES: Final = ("python3", "python3-venv", "ca-certificates")
DOCKERFILE: Final = CHECKOUT / "docker" / "Dockerfile.cpu"
COMPOSE: Final = CHECKOUT / "docker" / "compose.yaml"
OFFLINE: Final = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/var/wheels"}
BUILD_TOOL: Final = "hatchling>=1.27"


@dataclass(slots=True)
class Image:
    """What a stage's steps have come to."""

    root: Path
    environment: dict[str, str] = field(
        default_factory=lambda: {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
    )
    folder: str = "/"
    user: str = "0:0"


def build(folder: Path, stages: tuple[Stage, ...], wheels: Path) -> Image:
    """Every stage in a root of its own; the last one's image."""
    base = folder / "base"
    bootstrap(base, PACKAGES)
    images: dict[str, Image] = {}
    for number, stage in enumerate(stages):
        say(f"{'FROM':<12}{stage.base} (Debian's own Python in its place)")
        image = Image(folder / f"stage-{number}")
        shutil.rmtree(image.root, ignore_errors=True)
        run(["cp", "-a", base, image.root])
        (image.root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
        run(["cp", "-r", wheels, image.root / "var" / "wheels"])
        run(["cp", "-r", WHEELS, image.root / "wheels"])
        for step in stage.instructions:
            execute(step, image, images)
        shutil.rmtree(image.root / "var" / "wheels")
        images[stage.name] = image
    return image


def execute(step: Instruction, image: Image, images: dict[str, Image]) -> None:
    """One step."""
    say(f"{step.name:<12}{step.rest[:100]}")
    match step.name:
        case "RUN":
            environment = [f"{name}={value}" for name, value in (image.environment | OFFLINE).items()]
            command = ["chroot", f"--userspec={image.user}", image.root, "env", "-i", *environment]
            run([*command, "sh", "-c", f"cd {image.folder} && {step.rest}"])
        case "COPY":
            copy(step, image, images)
        case "ENV":
            for setting in step.words:
                name, _, value = setting.partition("=")
                image.environment[name] = string.Template(value).safe_substitute(image.environment)
        case "WORKDIR":
            image.folder = step.rest
            (image.root / step.rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
        case "USER":
            image.user = step.rest
        case "ARG" | "VOLUME" | "HEALTHCHECK" | "ENTRYPOINT" | "CMD":
            pass  # no argument has to be filled in here; the others are for when it runs
        case _:
            sys.exit(f"nothing here executes {step.name}")


def copy(step: Instruction, image: Image, images: dict[str, Image]) -> None:
    """Files of the context that .dockerignore lets through, or of an earlier stage."""
    *sources, to = step.words
    place = image.root / str(PurePosixPath(image.folder) / to).lstrip("/")
    if "from" in step.flags:
        for source in sources:
            run(["cp", "-aT", images[step.flags["from"]].root / source.lstrip("/"), place])
        return
    for source in sources:
        for path in context(source):
            within = path.relative_to(source) if (CHECKOUT / source).is_dir() else PurePosixPath(path.name)
            target = place / within if to.endswith(("/", ".")) or len(within.parts) > 1 else place
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(CHECKOUT / path, target)


def context(source: str) -> Iterator[PurePosixPath]:
    """Files of the checkout below a path, as far as .dockerignore lets them through."""
    ignore = (CHECKOUT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    listed = run(["git", "-C", CHECKOUT, "ls-files", "--cached", "--others", "--exclude-standard", "--", source])
    for name in listed.splitlines():
        if let_through(PurePosixPath(name), ignore) and (CHECKOUT / name).is_file():
            yield PurePosixPath(name)


def restrictions(service: dict[str, Any], image: Image, volumes: Path) -> list[str]:
    """The service's options, in systemd-nspawn's words; one that has none ends the script."""
    options = ["--as-pid2", f"--user={user_name(image)}", "--setenv=LANG=C.UTF-8"]
    options += [f"--setenv={name}={value}" for name, value in image.environment.items()]
    wanted = {"network_mode": "none", "read_only": True, "cap_drop": ["ALL"], "user": image.user}
    wanted |= {"security_opt": ["no-new-privileges:true"]}
    for name, value in wanted.items():
        if service.get(name) != value:
            sys.exit(f"compose: {name} is {service.get(name)!r}, not {value!r}")
    options += ["--read-only", "--drop-capability=all", "--no-new-privileges=yes"]
    options += [f"--tmpfs={entry}" for entry in service["tmpfs"]]
    for entry in service["volumes"]:
        source, target, *mode = entry.split(":")
        (image.root / target.lstrip("/")).mkdir(parents=True, exist_ok=True)  # as an engine does before it starts
        if source.startswith("."):
            options.append(f"--bind-ro={(COMPOSE.parent / source).resolve()}:{target}")
        else:
            options.append(f"--bind={volume(volumes / source, image.root / target.lstrip('/'))}:{target}")
        if mode not in ([], ["ro"]):
            sys.exit(f"compose: {entry}")
    return options


def volume(folder: Path, like: Path) -> Path:
    """A named volume; an empty one begins as the image's folder, owner and mode included."""
    if not folder.exists():
        folder.mkdir(parents=True)
        found = like.stat()
        os.chown(folder, found.st_uid, found.st_gid)
        folder.chmod(stat.S_IMODE(found.st_mode))
    return folder


def user_name(image: Image) -> str:
    """The image's user, whom the Dockerfile names by number."""
    lines = (image.root / "etc/passwd").read_text(encoding="utf-8").splitlines()
    return next(line.split(":")[0] for line in lines if line.split(":")[2] == image.user.split(":")[0])


def program(words: tuple[str, ...], image: Image) -> list[str]:
    """The command with its program's whole path."""
    for folder in image.environment["PATH"].split(":"):
        if (image.root / folder.lstrip("/") / words[0]).exists():
            return [f"{folder}/{words[0]}", *words[1:]]
    sys.exit(f"no {words[0]} in the image")


def serve(image: Image, stage: Stage, folder: Path) -> None:
    """The compose file's services, one command, and what the node could do beside its work."""
    services = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]
    entry, cmd, health = (stage.last(name) for name in ("ENTRYPOINT", "CMD", "HEALTHCHECK"))
    if not (entry and cmd and health):
        sys.exit("the image has no ENTRYPOINT, CMD or HEALTHCHECK")
    volumes = folder / "volumes"
    shutil.rmtree(volumes, ignore_errors=True)
    environment = [f"{name}={value}" for name, value in image.environment.items()]
    with ExitStack() as running:
        node_words = program((*entry.words, *cmd.words), image)
        options = restrictions(services["node"], image, volumes)
        node = running.enter_context(started(image.root, options, node_words, folder / "node.log"))
        check = ("env", *environment, *program(parse_health(health), image))
        user = user_name(image)
        wait_s = node.until("healthy", lambda: node.succeeds(*check, user=user))
        say(f"{'healthy':<12}after {wait_s:.1f} s")
        executor_words = program(tuple(services["executor"]["entrypoint"]), image)
        options = restrictions(services["executor"], image, volumes)
        running.enter_context(started(image.root, options, executor_words, folder / "executor.log"))
        time.sleep(2.0)
        agent = program(("edge-agent",), image)[0]
        said = node.attempt("env", *environment, agent, "say", "go to dock 2", user=user)
        say("\n".join(f"{'':<12}{line}" for line in said.splitlines()))
        if "FINISHED" not in said:
            sys.exit("the executor did not carry it out\n" + (folder / "node.log").read_text(errors="replace"))
        say(f"{'shut in':<12}{shut_in(node)}")


def parse_health(step: Instruction) -> tuple[str, ...]:
    """The check's command: after CMD, as a list."""
    return Instruction("CMD", step.rest.removeprefix("CMD ").strip()).words


def shut_in(node: Container) -> str:
    """What the kernel says of the node's own process."""
    script = "for at in /proc/[0-9]*; do grep -qz '^run$' $at/cmdline && cat $at/status && break; done"
    wanted = ("CapEff", "CapBnd", "NoNewPrivs", "Uid")
    status = dict(line.split(":", 1) for line in node.call("sh", "-c", script).splitlines())
    facts = {name: " ".join(status[name].split()) for name in wanted}
    facts["interfaces"] = node.call("ls", "/sys/class/net").strip()
    mounts = [line.split() for line in node.call("cat", "/proc/mounts").splitlines()]
    facts["root"] = next(options for _, place, _, options, *_ in mounts if place == "/")
    wrong = facts["CapBnd"] != "0" * 16 or facts["NoNewPrivs"] != "1" or not facts["root"].startswith("ro")
    if wrong:
        sys.exit(str(facts))
    return ", ".join(f"{name} {value}" for name, value in facts.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--folder", type=Path, help="keep the roots here, and take the base from here the next time")
    options = parser.parse_args()
    require("debootstrap", "systemd-nspawn", "nsenter")
    if not list(WHEELS.glob("llama_cpp_python-*.whl")):
        sys.exit("no engine in .wheels: make setup")
    stages = parse(DOCKERFILE.read_text(encoding="utf-8"))
    with working_folder(options.folder) as folder, tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        wheels = Path(name)
        wheel = project_wheel(wheels)
        download_dependencies(wheel, wheels, BUILD_TOOL)
        wheel.unlink()
        image = build(folder, stages, wheels)
        serve(image, stages[-1], folder)


if __name__ == "__main__":
    main()
