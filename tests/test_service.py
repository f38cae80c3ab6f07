"""The node as a system service: its unit in every variant as systemd judges it, and what install leaves behind."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import subprocess
from pathlib import Path, PurePosixPath

import pytest

from edge_agent.cli import build_parser, main
from edge_agent.cli.exit_codes import Exit
from edge_agent.errors import Code, ConfigurationFault
from edge_agent.service.files import ServiceOptions, planned_files
from edge_agent.settings import load_settings

ROOT = Path(__file__).parent.parent
SYSTEMD = ROOT / "systemd"
UNIT = "etc/systemd/system/edge-agent.service"
DROP_INS = "etc/systemd/system/edge-agent.service.d"
CONFIG = "etc/edge-agent/config.toml"
LINK = "etc/systemd/system/multi-user.target.wants/edge-agent.service"
MANIFEST = "etc/edge-agent/installed.json"
LISTED = '{"version": "1", "user": "x", "files": [{"path": "%s", "sha256": "%s"}]}'
DEVICES = re.compile(r"(?:char-(?:nvidia(?:ctl|-\*|\*)?|nvhost\*|\*\.gpu|drm|alsa)|/dev/(?:nv\S+|host1x-fence)) rwm?")
EXPOSURE_MAX = 25
"""Tenths, of ten."""
RESTART_S_MAX = 12.0

VARIANTS = [
    pytest.param("", id="cpu"),
    pytest.param("--gpu nvidia", id="nvidia"),
    pytest.param("--gpu jetson", id="jetson"),
    pytest.param("--audio", id="audio"),
    pytest.param("--whisper", id="whisper"),
    pytest.param("--tcp 192.168.7.0/24", id="tcp"),
    pytest.param("--metrics", id="metrics"),
    pytest.param("--gpu nvidia --audio --whisper --tcp 10.0.0.0/8 --metrics", id="nvidia-all"),
    pytest.param("--gpu jetson --audio --whisper --tcp 10.0.0.0/8 --metrics", id="jetson-all"),
]
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed (apt-get install systemd)"
)


def install(root: Path, line: str = "") -> int:
    """The verb as it is typed; its exit code."""
    return main(["install", "--root", str(root), *line.split()])


def uninstall(root: Path, line: str = "") -> int:
    return main(["uninstall", "--root", str(root), *line.split()])


def tree(root: Path) -> dict[str, str]:
    """Every file below, with its text; a link with where it leads."""
    return {
        str(path.relative_to(root)): str(path.readlink()) if path.is_symlink() else path.read_text(encoding="utf-8")
        for path in sorted(root.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    """systemd's own judgement, without a running one."""
    command = ["systemd-analyze", "--no-pager", *words, "edge-agent.service"]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


def value(key: str, text: str | None = None) -> str:
    """A setting of the unit."""
    (found,) = re.findall(rf"^{key}=(.*)$", text or (SYSTEMD / "edge-agent.service").read_text(), re.MULTILINE)
    return str(found)


@needs_systemd
@pytest.mark.parametrize("line", VARIANTS)
def test_every_variant_is_shut_in(line: str, tmp_path: Path) -> None:
    """Exposure is at most 2.5 of 10 by systemd's own measure, also with a GPU, microphones, TCP and metrics at once."""
    assert install(tmp_path, line) == Exit.OK
    shown = analyze("security", "--offline=yes", f"--threshold={EXPOSURE_MAX}", f"--root={tmp_path}")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "Overall exposure level" in shown.stdout


@needs_systemd
def test_the_page_has_systemds_own_figures(tmp_path: Path) -> None:
    """The exposures of docs/service.md are what systemd says of each line there; other versions weigh otherwise."""
    page = (ROOT / "docs" / "service.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `install ?(.*)` \| ([0-9.]+) \|$", page, re.MULTILINE)
    assert len(rows) == len(VARIANTS)
    if not analyze("--version").stdout.startswith("systemd 252 "):
        pytest.skip("the figures are systemd 252's")
    for number, (line, figure) in enumerate(rows):
        install(tmp_path / str(number), line)
        shown = analyze("security", "--offline=yes", f"--root={tmp_path / str(number)}").stdout
        assert re.findall(r"exposure level .*: ([0-9.]+)", shown) == [figure], line


@needs_systemd
@pytest.mark.parametrize("line", VARIANTS)
def test_systemd_knows_every_line(line: str, tmp_path: Path) -> None:
    """systemd takes the unit and its drop-ins without a remark, and finds the program."""
    program = tmp_path / "opt/edge-agent/venv/bin/edge-agent"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    assert install(tmp_path, line) == Exit.OK
    shown = analyze("verify", "--man=no", "--recursive-errors=no", f"--root={tmp_path}")
    assert (shown.returncode, shown.stdout, shown.stderr) == (0, "", "")


def test_the_unit_starts_a_known_line() -> None:
    """What the unit runs is a line that the program takes."""
    program, line = value("ExecStart").split(" ", 1)
    assert program.endswith("/bin/edge-agent")
    build_parser(line.split()).parse_args(line.split())


def test_a_hang_is_over_in_time_and_a_crash_loop_ends() -> None:
    """Watchdog and wait before a start fit into the promise; starts are limited; what cannot get better ends."""
    waits_s = float(value("WatchdogSec")) + float(value("RestartSec").removesuffix("ms")) / 1000.0
    assert waits_s <= RESTART_S_MAX
    window_s, starts = float(value("StartLimitIntervalSec")), int(value("StartLimitBurst"))
    assert starts * 2 * waits_s <= window_s, "a node that hangs after every slow start is a crash loop, too"
    assert {str(int(Exit.USAGE)), str(int(Exit.CONFIGURATION)), "CREDENTIALS"} <= set(
        value("RestartPreventExitStatus").split()
    )


def test_every_drop_in_can_be_asked_for() -> None:
    """No drop-in lies about that no option installs, and every combination of options has its files."""
    offered = {path.stem for path in (SYSTEMD / "edge-agent.service.d").iterdir()}
    asked = set()
    for gpu, *flags in itertools.product(("none", "nvidia", "jetson"), *[(False, True)] * 4):
        audio, whisper, tcp, metrics = flags
        networks = ("10.0.0.1",) if tcp else ()
        options = ServiceOptions(gpu=gpu, audio=audio, whisper=whisper, networks=networks, metrics=metrics)
        assert len(planned_files(options)) == 5 + len(options.drop_ins)
        asked |= set(options.drop_ins)
    assert asked == offered


@pytest.mark.parametrize("line", VARIANTS)
def test_a_drop_in_opens_devices_by_name_only(line: str, tmp_path: Path) -> None:
    """Whatever a variant relaxes, the list of devices stays closed and an address must be allowed by name."""
    install(tmp_path, line)
    texts = [text for name, text in tree(tmp_path).items() if name.startswith(DROP_INS)]
    for text in texts:
        assert "DevicePolicy" not in text
        assert "IPAddressDeny" not in text
        opened = re.findall(r"^DeviceAllow=(.*)$", text, re.MULTILINE)
        assert [device for device in opened if not DEVICES.fullmatch(device)] == []
    assert ("PrivateNetwork=no" in "".join(texts)) == ("--tcp" in line or "--metrics" in line)


def test_only_named_networks_get_through(tmp_path: Path) -> None:
    """Each network given stands in the drop-in, beside this machine itself; the node's key comes as a credential."""
    install(tmp_path, "--tcp 192.168.7.0/24 --tcp fd00::/8")
    text = (tmp_path / DROP_INS / "tcp.conf").read_text(encoding="utf-8")
    assert re.findall(r"^IPAddressAllow=(.*)$", text, re.MULTILINE) == ["localhost", "192.168.7.0/24", "fd00::/8"]
    assert value("LoadCredential", text) == "node.key:/etc/edge-agent/keys/node.key"


def test_the_settings_that_come_along_are_settings(tmp_path: Path) -> None:
    """The example file is read without a complaint, with what is commented out, too."""
    install(tmp_path)
    path = tmp_path / CONFIG
    assert str(load_settings(path).transport.keys) == "/etc/edge-agent/keys"
    text = re.sub(r"^# (\[|[a-z_]+ = )", r"\1", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    path.write_text(text, encoding="utf-8")
    assert load_settings(path).transport.tcp_command == "tcp://*:7710"
    assert load_settings(path).health.metrics == "127.0.0.1:9464"


def test_installing_twice_is_installing_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The second time everything is found as it should be, and nothing is written."""
    assert install(tmp_path, "--audio") == Exit.OK
    before = tree(tmp_path)
    capsys.readouterr()
    assert install(tmp_path, "--audio --json") == Exit.OK
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {record["done"] for record in records} == {"unchanged"}
    assert {record["path"].lstrip("/") for record in records} | {MANIFEST} == set(before)
    assert tree(tmp_path) == before


def test_other_options_replace_the_files_of_the_former(tmp_path: Path) -> None:
    """What the former installation had and this one has not is taken away."""
    install(tmp_path, "--gpu nvidia --audio")
    install(tmp_path, "--audio --user robot --program /opt/other/bin/edge-agent")
    assert {path.name for path in (tmp_path / DROP_INS).iterdir()} == {"audio.conf"}
    unit = (tmp_path / UNIT).read_text(encoding="utf-8")
    assert (value("User", unit), value("Group", unit)) == ("robot", "robot")
    assert value("ExecStart", unit).startswith("/opt/other/bin/edge-agent run ")
    found = tree(tmp_path)
    assert "u robot - " in found["etc/sysusers.d/edge-agent.conf"]
    assert "/run/edge-agent 0750 robot robot" in found["etc/tmpfiles.d/edge-agent.conf"]
    assert "keys 0750 root robot" in found["etc/tmpfiles.d/edge-agent.conf"]


@pytest.mark.parametrize(
    "before", [pytest.param("[Service]\n", id="somebody's-own"), pytest.param(None, id="changed-since")]
)
def test_a_foreign_file_is_not_written_over(
    before: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A unit that this program did not write, or that was changed, stops everything before anything is written."""
    if before is None:
        install(tmp_path)
        before = (tmp_path / UNIT).read_text(encoding="utf-8") + "# mine\n"
    (tmp_path / UNIT).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / UNIT).write_text(before, encoding="utf-8")
    found = tree(tmp_path)
    capsys.readouterr()
    assert install(tmp_path, "--gpu nvidia") == Exit.CONFIGURATION
    assert capsys.readouterr().err.startswith(f"FOREIGN_FILE: {tmp_path / UNIT}: ")
    assert tree(tmp_path) == found


def test_the_owners_settings_are_never_written_over(tmp_path: Path) -> None:
    """Settings that are there stay, are no obstacle, and are not taken away with what was installed."""
    (tmp_path / CONFIG).parent.mkdir(parents=True)
    (tmp_path / CONFIG).write_text('robot = "porter"\n', encoding="utf-8")
    assert install(tmp_path) == Exit.OK
    assert uninstall(tmp_path) == Exit.OK
    assert tree(tmp_path) == {CONFIG: 'robot = "porter"\n'}


def test_uninstall_takes_exactly_what_was_installed(tmp_path: Path) -> None:
    """Nothing is left of the service, and everything else is left as it was, other drop-ins and keys included."""
    others = {
        f"{DROP_INS}/mine.conf": "[Service]\nNice=1\n",
        "etc/edge-agent/keys/node.key": "secret\n",
        "etc/systemd/system/other.service": "[Service]\n",
        "var/lib/edge-agent/journal.db": "rows\n",
    }
    for name, text in others.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    install(tmp_path, "--gpu jetson --audio --metrics")
    assert (tmp_path / LINK).readlink() == Path("/") / UNIT
    assert uninstall(tmp_path) == Exit.OK
    assert tree(tmp_path) == others


def test_uninstall_leaves_no_empty_folder_of_its_own(tmp_path: Path) -> None:
    """Its own folders go with the last file; the system's stay."""
    install(tmp_path, "--audio")
    uninstall(tmp_path)
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")}
    assert not any("edge-agent" in name for name in left)
    assert "etc/systemd/system" in left


def test_what_was_changed_is_kept_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that its owner changed after the installation stays, is named, and the verb ends with 1."""
    install(tmp_path)
    with (tmp_path / CONFIG).open("a", encoding="utf-8") as file:
        file.write("# mine\n")
    capsys.readouterr()
    assert uninstall(tmp_path, "--json") == Exit.REFUSED
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [record["path"] for record in records if record["done"] == "kept"] == [f"/{CONFIG}"]
    assert set(tree(tmp_path)) == {CONFIG}


def test_purge_takes_settings_keys_and_state(tmp_path: Path) -> None:
    """With --purge nothing of the node is left, changed or not; what is beside it is."""
    install(tmp_path)
    for name in (CONFIG, "etc/edge-agent/keys/node.key", "var/lib/edge-agent/journal.db", "var/lib/other/x"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("changed\n", encoding="utf-8")
    assert uninstall(tmp_path, "--purge") == Exit.OK
    assert set(tree(tmp_path)) == {"var/lib/other/x"}


@pytest.mark.parametrize("verb", ["install", "uninstall"])
def test_a_dry_run_only_says_what_would_be(verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same lines, and not a byte is touched."""
    if verb == "uninstall":
        install(tmp_path)
    before = tree(tmp_path)
    capsys.readouterr()
    assert main([verb, "--root", str(tmp_path), "--dry-run", "--json"]) == Exit.OK
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {record["would_be"] for record in records} == {"written" if verb == "install" else "removed"}
    assert tree(tmp_path) == before


def test_nothing_installed_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """There is nothing to take away, and that is said."""
    assert uninstall(tmp_path) == Exit.CONFIGURATION
    assert capsys.readouterr().err.startswith(f"NOT_INSTALLED: {tmp_path}: ")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("not json", id="no-json"),
        pytest.param(LISTED % ("/etc/../x", "0" * 64), id="leads-elsewhere"),
        pytest.param(LISTED % ("etc/x", "0" * 64), id="relative"),
        pytest.param(LISTED % ("/etc/x", "0"), id="no-digest"),
    ],
)
def test_a_list_that_was_tampered_with_moves_nothing(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The list of installed files is believed only when it is one."""
    (tmp_path / MANIFEST).parent.mkdir(parents=True)
    (tmp_path / MANIFEST).write_text(text, encoding="utf-8")
    before = tree(tmp_path)
    for verb in (install, uninstall):
        assert verb(tmp_path) == Exit.CONFIGURATION
        assert capsys.readouterr().err.startswith(f"SERVICE_INVALID: {tmp_path / MANIFEST}: ")
    assert tree(tmp_path) == before


def test_a_link_does_not_lead_out_of_the_root(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An image whose /etc is a link to this machine's own is not followed."""
    (tmp_path / "image").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "image" / "etc").symlink_to(tmp_path / "outside")
    assert install(tmp_path / "image") == Exit.CONFIGURATION
    assert capsys.readouterr().err.startswith("FOREIGN_FILE: ")
    assert tree(tmp_path / "outside") == {}


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(ServiceOptions(user="root"), id="root"),
        pytest.param(ServiceOptions(user="x\nUser=root"), id="a-line-in-the-name"),
        pytest.param(ServiceOptions(program=PurePosixPath("bin/edge-agent")), id="relative-program"),
        pytest.param(ServiceOptions(program=PurePosixPath("/opt/a b/edge-agent")), id="blank-in-the-path"),
        pytest.param(ServiceOptions(program=PurePosixPath("/home") / "me/bin/edge-agent"), id="program-in-a-home"),
        pytest.param(ServiceOptions(networks=("everybody",)), id="no-network"),
        pytest.param(ServiceOptions(networks=("10.0.0.1/8",)), id="network-with-a-host"),
    ],
)
def test_what_a_unit_cannot_take_is_refused(options: ServiceOptions) -> None:
    """Names, paths and networks are checked before they stand in a unit's lines."""
    with pytest.raises(ConfigurationFault) as told:
        planned_files(options)
    assert told.value.code is Code.SERVICE_INVALID


@pytest.mark.skipif(Path("/run/systemd/system").is_dir(), reason="systemd runs here, and would be told")
@pytest.mark.parametrize("verb", ["install", "uninstall"])
def test_this_machine_needs_root_and_systemd(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a root folder it is this machine's own service, which takes root and a running systemd."""
    assert main([verb]) == Exit.CONFIGURATION
    expected = "SYSTEMD_MISSING" if os.geteuid() == 0 else "NOT_ROOT"
    assert capsys.readouterr().err.startswith(f"{expected}: /: ")
