"""The settings file: what it may say, and where its paths lead."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.errors import Code, ConfigurationFault
from edge_agent.settings import Settings, load_settings


def written(folder: Path, text: str) -> Path:
    """A settings file of this text."""
    path = folder / "node.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_everything_has_a_default() -> None:
    """Without a file the node speaks the robot pack over ipc, with the bundled model."""
    settings = load_settings(None)
    assert settings == Settings()
    assert [pack.name for pack in settings.packs] == ["robot"]
    assert settings.model.path is None
    assert settings.command_address.startswith("ipc://")


def test_paths_are_meant_from_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path leads to the same file wherever the node is started; a shipped pack's name stays a name."""
    text = (
        'state_dir = "state"\n[[packs]]\nname = "robot"\nworld = "hall.toml"\n'
        '[[packs]]\nname = "own.py"\nworld = "/srv/own.toml"\n[model]\npath = "m.gguf"\n'
    )
    (tmp_path / "elsewhere").mkdir()
    path = written(tmp_path, text)
    monkeypatch.chdir(tmp_path / "elsewhere")
    settings = load_settings(Path("..") / path.name)
    assert settings.packs[0].name == "robot"
    assert settings.packs[0].world is not None
    assert settings.packs[0].world.resolve() == tmp_path / "hall.toml"
    assert Path(settings.packs[1].name).resolve() == tmp_path / "own.py"
    assert settings.packs[1].world == Path("/srv/own.toml")
    assert settings.model.path is not None
    assert settings.model.path.resolve() == tmp_path / "m.gguf"
    assert settings.state_dir.resolve() == tmp_path / "state"


def test_the_command_line_wins(tmp_path: Path) -> None:
    """Overrides replace single values of a section and leave the others of the file."""
    path = written(tmp_path, "[model]\nn_threads = 4\nn_ctx = 1024\n")
    settings = load_settings(path, {"model": {"n_threads": 2}})
    assert (settings.model.n_threads, settings.model.n_ctx) == (2, 1024)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        pytest.param('robto = "x"', "robto", id="unknown-key"),
        pytest.param("[model]\nlayers = 3", "model.layers", id="unknown-key-below"),
        pytest.param("packs = []", "packs", id="no-pack"),
        pytest.param("packs = 3", "packs", id="packs-no-list"),
        pytest.param('packs = ["robot"]', "packs.0", id="pack-no-table"),
        pytest.param("[[packs]]\nname = 3", "packs.0.name", id="name-no-text"),
        pytest.param("model = 3", "model", id="section-no-table"),
        pytest.param("[policy]\nconfirm_ttl_ms = 0", "policy.confirm_ttl_ms", id="time-to-live-zero"),
        pytest.param("[policy]\nconfirm_ttl_ms = -5", "policy.confirm_ttl_ms", id="time-to-live-negative"),
        pytest.param('[policy]\nconfirm = ["cold"]', "policy.confirm.0", id="unknown-hazard"),
    ],
)
def test_a_wrong_value_is_named(tmp_path: Path, text: str, field: str) -> None:
    """What is wrong is refused with the file and the field."""
    path = written(tmp_path, text)
    with pytest.raises(ConfigurationFault) as caught:
        load_settings(path)
    assert caught.value.code is Code.SETTINGS_INVALID
    assert caught.value.where == f"{path}: {field}"


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    """Text that is no TOML, bytes that are no text and a file that is not there are named."""
    path = written(tmp_path, "robot = ")
    for spoil in (None, lambda: path.write_bytes(b"\xff\xfe"), path.unlink):
        if spoil is not None:
            spoil()
        with pytest.raises(ConfigurationFault) as caught:
            load_settings(path)
        assert (caught.value.code, caught.value.where) == (Code.SETTINGS_INVALID, str(path))
