"""`replay` after a real node, the bundled model and a robot: the story, the check, the same words again, the export."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_agent.cli import main
from edge_agent.cli.background import daemon, robot, wait_ready
from edge_agent.cli.exit_codes import Exit
from edge_agent.client import Client
from edge_agent.messages.command import Spoken
from edge_agent.observe import export_check
from edge_agent.settings import load_settings

SETTINGS = """\
runtime_dir = "{folder}"
state_dir = "{folder}/state"

[[packs]]
name = "robot"
world = "{world}"

[policy]
confirm = ["motion"]
"""
WORLD = """
[[entity]]
name = "dock 3"
kind = "place"
[[entity]]
name = "packing"
kind = "place"
[[entity]]
name = "red box"
kind = "item"
"""
DOCS = Path(__file__).parent.parent / "docs"


@pytest.fixture(scope="module")
def node() -> Iterator[Path]:
    """The settings of a node that has ended, and what it did: one command a sort."""
    with tempfile.TemporaryDirectory(prefix="replay-") as name:  # a socket's path may have 107 bytes
        folder = Path(name)
        (folder / "world.toml").write_text(WORLD, encoding="utf-8")
        path = folder / "node.toml"
        path.write_text(SETTINGS.format(folder=folder, world=folder / "world.toml"), encoding="utf-8")
        settings = load_settings(path)
        with daemon(path, folder / "log") as process:
            wait_ready(settings, process, folder / "log")
            with robot(settings), Client(settings.command_address, settings.events_address) as client:
                answer = client.command("bring the red box from dock 3 to packing")
                client.confirm(answer.actions[0])
                assert [event.state for event in client.follow(answer)][-1] == "FINISHED"
                client.command("go to the swimming pool")
                client.update_world(add=[{"name": "swimming pool", "kind": "place"}])
                client.command(
                    "go to the swimming cool",
                    spoken=Spoken(alternatives=("go to the swimming pool",), confidence=0.6),
                    area="packing",
                )
                client.command("stop")
                stop_id = client.snapshot().stop_id
                assert stop_id is not None
                client.resume(stop_id)
        yield path


@pytest.fixture
def typed(node: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Type one line; its exit code, the records it wrote, and its stderr."""

    def run(*line: str, config: Path = node) -> tuple[int, list[dict[str, Any]], str]:
        end = main(["replay", *line, "--config", str(config), "--json"])
        shown = capsys.readouterr()
        return end, [json.loads(record) for record in shown.out.splitlines()], shown.err

    return run


def test_a_story_is_whole(typed: Any) -> None:
    """From whom, with what it was read, every state with its time since receipt, who said yes, what the robot said."""
    end, (story, *moments), _ = typed("c-1-1")
    assert end == Exit.OK
    assert (
        story["client"] == "local"
        and story["answer"]["marked"] == "bring the [1 red box] from [2 dock 3] to [3 packing]"
    )
    assert story["ran_with"]["model"].startswith("edge-command-v1-f16.gguf ")
    events = [(moment["event"], moment["who"]) for moment in moments if not moment["subject"].startswith("s-")]
    assert events == [
        ("accepted", "local"),
        ("answered: actions", ""),
        ("plan", ""),
        ("yes: confirmed", "local"),
        ("send", ""),
        ("running", "robot"),
        ("finished", "robot"),
    ]
    assert [moment["seq"] for moment in moments] == sorted(moment["seq"] for moment in moments)
    assert all(0 <= moment["since_received_ms"] < 60_000 for moment in moments)


def test_a_stop_is_part_of_the_story(typed: Any) -> None:
    """The command was a stop itself: latched, answered, released, each with who."""
    _, (story, *moments), _ = typed("c-1-4")
    assert story["outcome"] == "stopped"
    assert [(moment["subject"], moment["who"]) for moment in moments if moment["subject"].startswith("s-")] == [
        ("s-1-1", "local"),
        ("s-1-1", "local"),
    ]


def test_the_check_finds_it_whole_and_knows_heads_from_elsewhere(typed: Any, node: Path, tmp_path: Path) -> None:
    """Exit code 0; a head that was noted holds, a forged one does not, and one from the future misses a tail."""
    end, (verdict,), _ = typed("--verify")
    assert (end, verdict["whole"], verdict["broken"]) == (Exit.OK, True, None)
    assert typed("--verify", "--head", verdict["head"])[0] == Exit.OK
    seq, _, link = verdict["head"].partition(":")
    end, (forged,), _ = typed("--verify", "--head", f"{seq}:{'0' * 64}")
    assert (end, forged["broken"]["wrong"]) == (Exit.REFUSED, "changed")
    end, (short,), _ = typed("--verify", "--head", f"{int(seq) + 5}:{link}")
    assert (end, short["broken"]["wrong"], short["broken"]["seq"]) == (Exit.REFUSED, "tail missing", int(seq) + 1)
    assert typed("--verify", "--head", "7")[0] == Exit.REFUSED
    touched = tmp_path / "journal.damaged-1"
    shutil.copy(node.parent / "state" / "journal.db", touched)
    with sqlite3.connect(touched) as connection:
        connection.execute("UPDATE entry SET body = replace(body, 'local', 'nobody') WHERE seq = 4")
    connection.close()
    end, (broken,), _ = typed("--verify", "--journal", str(touched))
    assert (end, broken["broken"]["seq"], broken["broken"]["wrong"]) == (Exit.REFUSED, 4, "changed")


def test_the_same_words_are_read_the_same_way_again(typed: Any) -> None:
    """Each in the world as it was then, with its other readings and its context; a stop is a stop again."""
    end, records, said = typed("--rerun", "--last", "9")
    *commands, summary = records
    assert end == Exit.OK, (records, said)
    assert {record["command_id"]: record["same"] for record in commands} == {
        f"c-1-{number}": True for number in range(1, 5)
    }
    assert summary == {"commands": 4, "same": 4}


def test_what_is_different_today_is_told_stage_by_stage(typed: Any, node: Path, tmp_path: Path) -> None:
    """Another world: first that it is another, then where the reading parts; exit code 1."""
    world = tmp_path / "world.toml"
    world.write_text(WORLD.replace("dock 3", "dock 4"), encoding="utf-8")
    config = tmp_path / "node.toml"
    config.write_text(SETTINGS.format(folder=node.parent, world=world), encoding="utf-8")
    end, (changed, command, summary), _ = typed("c-1-1", "--rerun", config=config)
    assert end == Exit.REFUSED
    assert changed["changed"].startswith("world robot ")
    stages = {one["stage"]: one for one in command["differences"]}
    assert stages["mentions"]["then"] == "bring the [1 red box] from [2 dock 3] to [3 packing]"
    assert stages["mentions"]["now"] != stages["mentions"]["then"]
    assert "actions" in stages
    assert summary == {"commands": 1, "different": 1}


def exported(typed: Any, tmp_path: Path, *line: str) -> Path:
    """An export, unpacked."""
    archive = tmp_path / "incident.tar.gz"
    end, _, said = typed(*line, "--export", str(archive))
    assert end == Exit.OK, said
    assert archive.stat().st_mode & 0o077 == 0
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path, filter="data")
    return tmp_path / "incident"


def checked(folder: Path) -> subprocess.CompletedProcess[str]:
    """What the script in an export says, run as a third party runs it."""
    command = [sys.executable, "-I", "verify.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_a_third_party_can_check_an_export(typed: Any, tmp_path: Path) -> None:
    """With the script that comes with it; a changed word, link, line or file is found."""
    folder = exported(typed, tmp_path)
    assert checked(folder).stdout.startswith("whole, up to ")
    lines = (folder / "entries.jsonl").read_text(encoding="utf-8")
    report = (folder / "report.md").read_text(encoding="utf-8")
    assert "red box" in lines and "personal data" in report and "c-1-3" in report
    settings = json.loads((folder / "settings-1.json").read_text(encoding="utf-8"))
    assert settings["packs"][0]["name"] == "robot"
    (folder / "entries.jsonl").write_text(lines.replace("dock 3", "dock 9", 1), encoding="utf-8")
    assert checked(folder).returncode == 1
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    del manifest["files"]["entries.jsonl"]
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    assert "was changed" in checked(folder).stderr
    (folder / "entries.jsonl").write_text("".join(lines.splitlines(keepends=True)[:-1]), encoding="utf-8")
    assert "the end is missing" in checked(folder).stderr


def test_sentences_can_be_left_out_and_the_chain_holds(typed: Any, tmp_path: Path) -> None:
    """Digests stand in for what was said, understood and answered; nothing of it is in any file."""
    folder = exported(typed, tmp_path, "--without-text")
    assert checked(folder).stdout.startswith("whole, up to ")
    for path in folder.iterdir():
        if path.name != "verify.py":
            assert "red box" not in path.read_text(encoding="utf-8"), path.name


def test_one_command_is_exported_without_the_others(typed: Any, tmp_path: Path) -> None:
    """The entries between its own are there for their links, and of them only the digests."""
    folder = exported(typed, tmp_path, "c-1-3")
    assert checked(folder).stdout.startswith("whole, up to ")
    lines = (folder / "entries.jsonl").read_text(encoding="utf-8")
    assert "swimming cool" in lines and "bring the" not in lines
    assert "swimming cool" in (folder / "report.md").read_text(encoding="utf-8")


def test_a_time_without_entries_and_a_folder_in_use_are_refused(typed: Any, tmp_path: Path) -> None:
    end, _, said = typed("--export", str(tmp_path / "a"), "--from", "1999-01-01", "--to", "1999-12-31T23:59")
    assert end == Exit.REFUSED and "nothing of that time" in said
    assert typed("--export", str(tmp_path / "a"), "--from", "yesterday")[0] == Exit.REFUSED
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "file").touch()
    end, _, said = typed("--export", str(tmp_path / "used"))
    assert end == Exit.CONFIGURATION and "not empty" in said


def test_the_page_shows_the_script_that_comes_with_an_export() -> None:
    """docs/audit.md has it word for word, so that nobody has to trust what he was sent."""
    script = Path(export_check.__file__).read_text(encoding="utf-8")
    assert f"```python\n{script}```" in (DOCS / "audit.md").read_text(encoding="utf-8")
