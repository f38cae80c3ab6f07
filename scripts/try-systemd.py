"""Runs the service under a real systemd, in a container made for it, and measures what docs/service.md promises.

    python scripts/try-systemd.py [--folder DIR] [--wheel FILE]

Needs root, debootstrap and systemd-nspawn (Debian: systemd-container); a gigabyte in /var/tmp and about five minutes.
All that it makes is removed at the end, unless --folder names where to keep the root for the next time. A promise that
is not kept ends it with 1.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from container import Container, booted
from plain_root import CHECKOUT, bootstrap, download_dependencies, project_wheel, require, run, say, working_folder

PACKAGES: Final = (
    "systemd",
    "systemd-sysv",
    "procps",
    "python3",
    "python3-venv",
    "libgomp1",
    "libportaudio2",
    "iproute2",
)
VENV: Final = "/opt/edge-agent/venv"
AGENT: Final = f"{VENV}/bin/edge-agent"
CONFIG: Final = "/etc/edge-agent/config.toml"
UNIT: Final = "edge-agent.service"
HANGS: Final = 5
WITHIN_S: Final = 12.0
PROBE: Final = "/usr/bin/python3 /opt/service_probe.py"

DEVICES: Final = {"/dev/nvmap": ("660", "10", "229"), "/dev/forbidden": ("666", "10", "200")}
"""Mode and number of devices that every Linux has, fuse and tun: under the name of one of a Jetson, and under none."""
MAY: Final = frozenset({"write its state"})
OPENED: Final = {
    "": frozenset[str](),
    "--audio": frozenset[str](),
    "--gpu nvidia": frozenset[str](),
    "--gpu jetson": frozenset({"open /dev/nvmap"}),
    "--whisper": frozenset({"map memory to write and execute"}),
    "--metrics": frozenset({"send to 127.0.0.1"}),
    "--tcp 192.168.7.0/24": frozenset({"send to 127.0.0.1", "send to 192.168.7.9", "read the key as a credential"}),
}
"""What each variant may do beyond MAY; everything else that the probe tries is refused."""
FACTS: Final = {"capabilities": "0" * 16, "no new privileges": "1", "seccomp mode": "2"}


class Report:
    """A line a promise; remembers whether all were kept."""

    def __init__(self) -> None:
        self.kept = True

    def line(self, what: str, figure: str, *, kept: bool = True) -> None:
        self.kept = self.kept and kept
        say(f"{'ok' if kept else 'NOT KEPT':<10}{what:<58}{figure}")


def make_root(root: Path, wheel: Path | None) -> None:
    """Debian, the node in /opt/edge-agent, and the service's files as `install --root` writes them."""
    bootstrap(root, PACKAGES)
    for left in (f"etc/systemd/system/{UNIT}", f"etc/systemd/system/{UNIT}.d", "etc/edge-agent", "var/lib/edge-agent"):
        shutil.rmtree(root / left) if (root / left).is_dir() else (root / left).unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(dir=root / "var") as name:
        wheels = Path(name)
        built = Path(shutil.copy(wheel, wheels)) if wheel else project_wheel(wheels)
        download_dependencies(built, wheels)
        run(["chroot", root, "python3", "-m", "venv", "--clear", VENV])
        pip = ["chroot", root, f"{VENV}/bin/python", "-m", "pip", "install", "--quiet", "--no-index"]
        run([*pip, "--find-links", f"/var/{wheels.name}", "edge-agent[speech]"])
    for script in ("examples/executor.py", "scripts/service_probe.py"):
        shutil.copy(CHECKOUT / script, root / "opt")
    run([sys.executable, "-m", "edge_agent", "install", "--root", root])


def active(container: Container) -> bool:
    return container.show("ActiveState") == "active"


def reads(container: Container, user: str = "pilot") -> bool:
    """Whether a command of this user's is answered with an action."""
    command = (AGENT, "say", "go to dock 2", "--runtime-dir", "/run/edge-agent", "--json")
    return '"outcome":"actions"' in container.attempt(*command, user=user)


def settle(container: Container) -> None:
    """As after a fresh start, with all five starts of the limit left."""
    container.call("systemctl", "reset-failed")
    container.call("systemctl", "restart", UNIT)
    container.until("active", lambda: active(container))


def try_start(container: Container, report: Report) -> None:
    """The service is up by itself after the boot, and takes commands of its group's members alone."""
    container.until("active", lambda: active(container))
    entered, began = (
        int(container.show(name)) for name in ("ActiveEnterTimestampMonotonic", "ExecMainStartTimestampMonotonic")
    )
    report.line("started at boot and READY", f"{(entered - began) / 1e6:.1f} s after its start")
    container.attempt("useradd", "-m", "-G", "edge-agent", "pilot")
    container.attempt("useradd", "-m", "stranger")
    report.line("a member of its group is answered with an action", "go to dock 2", kept=reads(container))
    said = container.attempt("ls", "/run/edge-agent", user="stranger")
    report.line("anybody else does not see its sockets", said.split(": ")[-1].strip(), kept="denied" in said)
    executor = container.start(
        "env", "RUNTIME_DIRECTORY=/run/edge-agent", f"{VENV}/bin/python", "/opt/executor.py", user="pilot"
    )
    try:
        time.sleep(1.0)
        said = container.attempt(AGENT, "say", "go to dock 2", "--runtime-dir", "/run/edge-agent", user="pilot")
        report.line("an executor of its group carries it out", said.split()[-1], kept="FINISHED" in said)
    finally:
        executor.terminate()
        executor.wait(10)


def try_faults(container: Container, report: Report) -> None:
    """Hangs and deaths of the daemon and of its engine."""
    waits = []
    for number in range(HANGS):
        settle(container)
        time.sleep(number * 0.9)  # at another moment between two signs of life each time
        waits.append(again_after(container, "STOP", container.show("MainPID")))
    shown = f"{min(waits):.1f} to {max(waits):.1f} s"
    report.line(f"SIGSTOP of the daemon, {HANGS} times: active again", shown, kept=max(waits) <= WITHIN_S)
    settle(container)
    wait_s = again_after(container, "KILL", container.show("MainPID"))
    report.line("SIGKILL of the daemon: active again", f"{wait_s:.1f} s", kept=wait_s <= WITHIN_S)
    for signal in ("STOP", "KILL"):
        settle(container)
        container.call("kill", f"-{signal}", engine(container))
        wait_s = container.until("a command is read", lambda: reads(container))
        same = container.show("NRestarts") == "0"
        report.line(
            f"SIG{signal} of the engine: a command is read again", f"{wait_s:.1f} s", kept=wait_s <= WITHIN_S and same
        )


def again_after(container: Container, signal: str, pid: str) -> float:
    """Send the signal; seconds until another daemon is active."""
    container.call("kill", f"-{signal}", pid)
    return container.until(
        "another daemon", lambda: active(container) and container.show("MainPID") not in (pid, "0"), 30.0
    )


def engine(container: Container) -> str:
    """The process that runs the model."""
    return container.call("pgrep", "-f", "edge_agent.language.child").split()[0]


def try_crash_loops(container: Container, report: Report) -> None:
    """What cannot get better is not tried again, and what crashes again and again ends."""
    config = container.root / CONFIG.lstrip("/")
    text = config.read_text(encoding="utf-8")
    config.write_text(text + "\nrobto = 1\n", encoding="utf-8")
    container.call("systemctl", "reset-failed")
    container.attempt("systemctl", "restart", UNIT)
    container.until("failed", lambda: container.show("ActiveState") == "failed")
    ended = f"exit {container.show('ExecMainStatus')}, {container.show('NRestarts')} restarts"
    report.line("a wrong setting ends it as failed", ended, kept=ended == "exit 3, 0 restarts")
    config.write_text(text, encoding="utf-8")
    drop_in = container.root / "etc/systemd/system" / f"{UNIT}.d" / "crash.conf"
    drop_in.parent.mkdir(exist_ok=True)
    drop_in.write_text("[Service]\nExecStart=\nExecStart=/bin/false\n", encoding="utf-8")
    container.call("systemctl", "daemon-reload")
    container.call("systemctl", "reset-failed")
    container.attempt("systemctl", "start", UNIT)
    wait_s = container.until("failed for good", lambda: container.show("ActiveState") == "failed", 30.0)
    time.sleep(2.0)
    stays = container.show("ActiveState") == "failed"
    report.line("a crash loop ends as failed", f"{container.show('NRestarts')} restarts, {wait_s:.1f} s", kept=stays)
    drop_in.unlink()
    container.call("systemctl", "daemon-reload")
    settle(container)


def try_walls(container: Container, report: Report) -> None:
    """What could be done from inside, in each variant: the unit starts a probe in the node's place."""
    for name, (mode, *number) in DEVICES.items():
        container.call("mknod", "-m", mode, name, "c", *number)
        container.call("chgrp", "video", name)
    for network in ("192.168.7.0/24", "203.0.113.0/24"):
        container.call("ip", "route", "add", "local", network, "dev", "lo")
    container.call(AGENT, "keys", "init", "--config", CONFIG)
    for line, opened in OPENED.items():
        container.call(AGENT, "install", *line.split())
        found = probed(container)
        facts = {what: found.pop(what) for what in FACTS}
        wrong = [f"{what}: {answer}" for what, answer in found.items() if (answer == "yes") != (what in opened | MAY)]
        wrong += [f"{what}: {fact}" for what, fact in facts.items() if fact != FACTS[what]]
        allowed = ", ".join(sorted(opened)) or "nothing beyond its own state"
        report.line(f"`{' '.join(['install', line]).strip()}` lets it", "; ".join(wrong) or allowed, kept=not wrong)


def probed(container: Container) -> dict[str, str]:
    """The unit as it is installed, with the probe in the node's place."""
    drop_in = container.root / "etc/systemd/system" / f"{UNIT}.d" / "zz-probe.conf"
    drop_in.parent.mkdir(exist_ok=True)
    drop_in.write_text(f"[Service]\nType=oneshot\nRestart=no\nExecStart=\nExecStart={PROBE}\n", encoding="utf-8")
    container.call("systemctl", "daemon-reload")
    container.call("systemctl", "stop", UNIT)
    container.call("systemctl", "reset-failed")
    container.call("systemctl", "start", UNIT)
    drop_in.unlink()
    said = [line for line in container.journal(UNIT) if line.startswith('{"write')]
    return {str(what): str(answer) for what, answer in json.loads(said[-1]).items()}


def try_keys(container: Container, report: Report) -> None:
    """The node proves itself with a key that it is given by systemd; root's copy stays shut."""
    config = container.root / CONFIG.lstrip("/")
    text = re.sub(r"^# (tcp_\w+ = )", r"\1", config.read_text(encoding="utf-8"), flags=re.MULTILINE)
    config.write_text(text, encoding="utf-8")
    keys = (AGENT, "keys")
    here = ("--config", CONFIG)
    rights = ("--allow", "watch,command", "--robots", "*", "--host", "127.0.0.1")
    (container.root / "opt/pilot.key").unlink(missing_ok=True)
    container.call(*keys, "add", "pilot", *rights, "--out", "/opt/pilot.key", *here)
    container.call("chown", "pilot:", "/opt/pilot.key")
    container.call(AGENT, "install", "--tcp", "127.0.0.1")
    settle(container)
    said = container.attempt(AGENT, "say", "go to dock 2", "--key", "/opt/pilot.key", "--json", user="pilot")
    kept = '"outcome":"actions"' in said
    report.line("with its key as a credential it answers over TCP", "go to dock 2" if kept else said[-200:], kept=kept)


def try_leaving(container: Container, report: Report) -> None:
    """Uninstalled, nothing runs and nothing is left that was installed."""
    settings = (container.root / CONFIG.lstrip("/")).read_text(encoding="utf-8")
    container.attempt(AGENT, "uninstall")
    left = container.attempt("find", "/etc", "-name", "*edge-agent*", "-not", "-path", "/etc/edge-agent*").split()
    left = [name for name in left if name.startswith("/etc/systemd") or name.endswith(".conf")]
    state = container.attempt("systemctl", "is-active", UNIT).strip()
    kept = not left and state == "inactive" and settings == (container.root / CONFIG.lstrip("/")).read_text()
    report.line("uninstalled: the service is gone, changed settings stay", state, kept=kept)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--folder", type=Path, help="keep the root here, and take it from here the next time")
    parser.add_argument("--wheel", type=Path, help="the project's wheel (default: built of this checkout)")
    options = parser.parse_args()
    require("debootstrap", "systemd-nspawn", "nsenter")
    report = Report()
    with working_folder(options.folder) as folder:
        root = folder / "root"
        make_root(root, options.wheel)
        with booted(root, folder / "boot.log") as container:
            say(f"{'booted':<10}{container.call('systemctl', '--version').splitlines()[0]}")
            for attempt in (try_start, try_faults, try_crash_loops, try_walls, try_keys, try_leaving):
                attempt(container, report)
    sys.exit(0 if report.kept else 1)


if __name__ == "__main__":
    main()
