"""`edge-agent keys`: from nothing to a client that gets in, by the commands that the documentation shows."""

from __future__ import annotations

import io
import json
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from keyed_node import free_ports
from node_harness import Node, fresh_node

from edge_agent.cli import main
from edge_agent.client import Client
from edge_agent.errors import Code, EdgeAgentError
from edge_agent.keys.client_key import read_client_key
from edge_agent.keys.grants import Verb
from edge_agent.keys.node_key import read_node_key
from edge_agent.keys.ring import read_grants
from edge_agent.messages import Outcome


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of keys of an empty home."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ".config"))
    monkeypatch.delenv("CONFIGURATION_DIRECTORY", raising=False)
    return tmp_path / ".config" / "edge-agent" / "keys"


def keys(*words: str) -> int:
    return main(["keys", *words])


def line_shown(capsys: pytest.CaptureFixture[str], begin: str) -> list[str]:
    """The command that was shown to be pasted, as a shell reads it."""
    found = [line for line in capsys.readouterr().out.splitlines() if line.startswith(begin)]
    assert len(found) == 1
    return shlex.split(found[0])[1:]


def test_a_key_made_here_goes_there_as_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """init, add, the pasted import: the secret is in the file there and nowhere else, the rights are in the list."""
    assert keys("init") == 0
    assert keys("add", "porter", "--allow", "watch,perform", "--robots", "porter", "--host", "192.168.1.20") == 0
    assert main(line_shown(capsys, "edge-agent keys import")) == 0
    path = folder.parent / "porter.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    key = read_client_key(path)
    assert (key.command, key.events) == ("tcp://192.168.1.20:7710", "tcp://192.168.1.20:7711")
    assert key.node_public == read_node_key(folder).public
    (grant,) = read_grants(folder)
    assert (grant.name, grant.public, grant.verbs) == ("porter", key.pair.public, {Verb.WATCH, Verb.PERFORM})
    assert all(key.pair.secret not in file.read_text() for file in folder.iterdir())


def test_a_key_made_there_never_shows_its_secret(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """join with the node's public key, then the line that join shows: no secret was on either screen."""
    assert keys("init") == 0
    join = line_shown(capsys, "edge-agent keys join")
    join[join.index("NAME")] = "desk"
    join[join.index("HOST")] = "node.local"
    assert main(join) == 0
    assert main(line_shown(capsys, "edge-agent keys add")) == 0
    shown = capsys.readouterr().out
    key = read_client_key(folder.parent / "desk.key")
    assert key.pair.secret not in shown
    assert read_grants(folder)[0].public == key.pair.public


def test_a_whole_output_can_be_piped_into_import(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    keys("init")
    capsys.readouterr()
    keys("add", "desk", "--host", "10.0.0.5")
    monkeypatch.setattr("sys.stdin", io.StringIO(capsys.readouterr().out))
    assert keys("import", "-") == 0
    assert read_client_key(folder.parent / "desk.key").name == "desk"


def test_revoking_and_rotating(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Revoked is revoked for good, a rotated key keeps its rights, and an overlap lets the old one live."""
    keys("init")
    rights = ("--allow", "command", "--robots", "a,b", "--rate", "5", "--confirm", "--resume")
    keys("add", "desk", *rights, "--host", "10.0.0.5")
    assert keys("rotate", "desk", "--host", "10.0.0.5", "--overlap-hours", "24") == 0
    old, new = read_grants(folder)
    assert old.until is not None and old.revoked is None and new.until is None
    assert new.model_copy(update={"public": old.public, "until": old.until}) == old
    assert keys("revoke", "desk") == 0
    assert all(grant.revoked is not None for grant in read_grants(folder))
    assert keys("revoke", "desk") == 3, "there is nothing left to revoke"
    assert keys("add", "desk", "--host", "10.0.0.5") == 0, "the name may come again, with another key"
    capsys.readouterr()
    assert keys("list", "--json") == 0
    states = [json.loads(line).get("state") for line in capsys.readouterr().out.splitlines()]
    assert states == ["revoked", "revoked", "good", None]


def test_the_nodes_own_key_is_rotated_by_name_of_nobody(folder: Path) -> None:
    keys("init")
    before = read_node_key(folder)
    assert keys("rotate") == 0
    assert read_node_key(folder) != before
    assert (folder / "node.public").read_text().strip() == read_node_key(folder).public


@pytest.mark.parametrize(
    ("words", "code"),
    [
        pytest.param(("add", "a", "--host", "h"), "KEY_MISSING", id="before init"),
        pytest.param(("list",), "KEY_MISSING", id="list before init"),
        pytest.param(("revoke", "nobody"), "KEY_MISSING", id="nobody"),
        pytest.param(("import", "edge-agent-key:xyz"), "KEY_INVALID", id="a cut line"),
        pytest.param(("import", "nothing of a key"), "KEY_INVALID", id="no line"),
        pytest.param(("join", "a", "--node", "short", "--host", "h"), "KEY_INVALID", id="no public key"),
    ],
)
def test_what_cannot_be_done_is_said(
    folder: Path, words: tuple[str, ...], code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert keys(*words) == 3
    assert capsys.readouterr().err.startswith(code)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        pytest.param(("init",), "KEY_INVALID", id="init twice"),
        pytest.param(("add", "a"), "SETTINGS_INVALID", id="where is the node"),
        pytest.param(("add", "a", "--host", "h", "--allow", "fly"), "KEY_INVALID", id="no such verb"),
        pytest.param(("add", "a", "--host", "h", "--allow", "command"), "KEY_INVALID", id="which robots"),
        pytest.param(("add", "a", "--host", "h", "--public=short"), "KEY_INVALID", id="no public key"),
        pytest.param(("add", "a b", "--host", "h"), "KEY_INVALID", id="no name"),
        pytest.param(("add", "local", "--host", "h"), "KEY_INVALID", id="a name that is taken"),
        pytest.param(("add", "a", "--host", "h", "--rate", "0"), "KEY_INVALID", id="no rate"),
        pytest.param(("add", "a", "--host", "h", "--rate", "nan"), "KEY_INVALID", id="not a rate"),
        pytest.param(("add", "a", "--host", "h", "--days", "-1"), "KEY_INVALID", id="good until yesterday"),
        pytest.param(("add", "a", "--host", "h", "--days", "inf"), "KEY_INVALID", id="for ever and ever"),
    ],
)
def test_a_mistake_writes_nothing(
    folder: Path, words: tuple[str, ...], code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    keys("init")
    before = read_node_key(folder)
    capsys.readouterr()
    assert keys(*words) == 3
    assert capsys.readouterr().err.startswith(code)
    assert read_grants(folder) == () and read_node_key(folder) == before


@pytest.fixture
def node() -> Iterator[Node]:
    yield from fresh_node()


def test_from_nothing_to_a_command_over_tcp(
    folder: Path, node: Node, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the files that `keys` wrote a node starts, a client gets in, and after `revoke` it does not."""
    command, events = (f"tcp://127.0.0.1:{port}" for port in free_ports(2))
    config = tmp_path / "config.toml"
    config.write_text(f'[transport]\ntcp_command = "{command}"\ntcp_events = "{events}"\n')
    keys("init", "--config", str(config))
    capsys.readouterr()
    rights = ("--allow", "watch,command", "--robots", "*")
    keys("add", "desk", *rights, "--config", str(config), "--out", str(tmp_path / "desk.key"))
    node.settings["transport"] = {"tcp_command": command, "tcp_events": events, "keys": str(folder)}
    node.start()
    with Client(key=tmp_path / "desk.key") as client:
        assert client.command("go to dock 3").outcome is Outcome.ACTIONS
        keys("revoke", "desk", "--config", str(config))
        node.wait_for_log("have ended")
        with pytest.raises(EdgeAgentError) as fault:
            client.command("go to dock 3")
        assert fault.value.code is Code.KEY_REVOKED
