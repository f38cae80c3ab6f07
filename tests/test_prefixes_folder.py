"""The folder in which prompts are kept: one that others own, that is none, or that is full costs only time."""

from __future__ import annotations

import os
import resource
from dataclasses import replace
from pathlib import Path

import pytest
from engine_models import write_tiny
from prompts_rig import cut, folder_of, only_prompt, start

from edge_agent.language.options import EngineOptions


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("models") / "tiny.gguf")


@pytest.fixture
def options(model: Path, tmp_path: Path) -> EngineOptions:
    return EngineOptions(model, cache_dir=tmp_path / "prompts")


def unusable(folder: Path) -> bool:
    """Whether nobody of this process's rights can write here."""
    try:
        (folder / "tried").touch()
    except OSError:
        return True
    (folder / "tried").unlink()
    return False


def test_a_folder_that_others_may_write_to_is_not_used(options: EngineOptions) -> None:
    folder_of(options).mkdir()
    folder_of(options).chmod(0o777)
    found = start(options)
    assert found.counts == (0, 1)
    assert found.set_aside == [f"{options.cache_dir} is not used: others may write there"]
    assert list(folder_of(options).iterdir()) == []


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_somebody_elses_is_not_used(options: EngineOptions) -> None:
    folder_of(options).mkdir()
    os.chown(folder_of(options), 65_534, 65_534)
    found = start(options)
    assert found.counts == (0, 1)
    assert found.set_aside == [f"{options.cache_dir} is not used: it belongs to somebody else"]


def test_a_file_in_the_folders_place_is_said(options: EngineOptions) -> None:
    folder_of(options).touch()
    found = start(options)
    assert found.counts == (0, 1)
    assert "cannot be used" in found.set_aside[0]


def test_a_folder_that_cannot_be_written_is_read_and_harms_nothing(options: EngineOptions) -> None:
    """What is whole there is loaded; what is not is computed at every start and stays where it is."""
    healthy = start(options)
    prompt, folder = only_prompt(options), folder_of(options)
    folder.chmod(0o500)
    try:
        if not unusable(folder):
            pytest.skip("whoever runs this may write everywhere")
        assert start(options).counts == (1, 0)
        prompt.chmod(0o600)
        cut(prompt)
        found = start(options)
        assert (found.counts, found.answers) == ((0, 1), healthy.answers)
        assert "its bytes are not" in found.set_aside[0]
        assert "not kept" in found.set_aside[1]
        assert start(replace(options, flash_attention="off")).counts == (0, 1)
    finally:
        folder.chmod(0o700)


def test_a_folder_that_cannot_be_entered_harms_nothing(options: EngineOptions) -> None:
    healthy = start(options)
    folder_of(options).chmod(0)
    try:
        if not unusable(folder_of(options)):
            pytest.skip("whoever runs this may write everywhere")
        found = start(options)
        assert (found.counts, found.answers) == ((0, 1), healthy.answers)
        assert found.set_aside
    finally:
        folder_of(options).chmod(0o700)


def test_a_full_disk_costs_the_next_start_some_time(options: EngineOptions) -> None:
    """No file may grow beyond a few bytes, as on a disk without room; nothing half written is ever loaded."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        full = start(options)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert full.counts == (0, 1)
    assert "not kept" in full.set_aside[0]
    assert list(folder_of(options).glob("*.prompt")) == []
    later = start(options)
    assert (later.counts, later.set_aside, later.answers) == ((0, 1), [], full.answers)
    assert start(options).counts == (1, 0)
