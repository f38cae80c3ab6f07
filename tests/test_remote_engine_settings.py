"""The first look at a server elsewhere: what it is, whether it is used, with which key; wrong settings are named."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from engine_models import BRING
from remote_rig import GOOD, ROBOT, engine, request
from remote_servers import (
    Site,
    answer,
    body,
    free_port,
    in_turn,
    serving,
)

from edge_agent.errors import Code, ConfigurationFault, NodeFault
from edge_agent.language.remote import RemoteEngine
from edge_agent.language.remote_options import RemoteOptions
from edge_agent.observe.modes import Mode


@pytest.fixture
def site() -> Iterator[Site]:
    with serving(Site()) as running:
        yield running


def test_without_a_server_the_engine_is_unavailable() -> None:
    """It comes up all the same, says what is missing, and needs no restart once the server is there."""
    port = free_port()
    with closing(RemoteEngine(RemoteOptions(f"http://127.0.0.1:{port}", prompt="bundled"), (ROBOT,))) as remote:
        remote.start()
        assert not remote.ready
        assert remote.missing[0].mode is Mode.NO_REMOTE
        with pytest.raises(NodeFault) as refused:
            remote.decide(request())
        assert refused.value.code is Code.ENGINE_UNAVAILABLE


def test_a_name_that_nobody_knows_is_said() -> None:
    with closing(RemoteEngine(RemoteOptions("http://engine.invalid:8000", prompt="bundled"), (ROBOT,))) as remote:
        remote.start()
        assert "name is not found" in remote.missing[0].words


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        pytest.param({"first": answer(GOOD)}, "keeps to no grammar", id="it does not keep to the grammar"),
        pytest.param({"first": body(b"no", 401)}, "refuses the key", id="it wants a key"),
        pytest.param({"first": body(b"no", 500)}, "status 500", id="it cannot answer"),
        pytest.param({"listed": {"data": "none"}}, "lists no models", id="it lists something else"),
        pytest.param({"routes": {"/v1/models": body(b"<html>")}}, "is no JSON", id="it is a page"),
        pytest.param({"routes": {"/v1/models": body(b"", 404)}}, "status 404", id="it is another API"),
    ],
)
def test_a_server_that_fails_the_first_look_is_not_used(site: Site, spoil: dict[str, Any], told: str) -> None:
    for name, value in spoil.items():
        setattr(site, name, value)
    with closing(engine(site)) as remote:
        assert not remote.ready
        assert told in remote.missing[0].words
        assert site.questions(BRING.marked) == []


@pytest.mark.parametrize(
    ("listed", "options", "field"),
    [
        pytest.param({"data": []}, {}, "remote.model", id="no model to ask"),
        pytest.param(
            {"data": [{"id": "m", "owned_by": "library"}]},
            {"prompt": "bundled"},
            "remote.prompt",
            id="a completion without a grammar",
        ),
    ],
)
def test_settings_that_do_not_fit_the_server_are_named(
    site: Site, listed: Any, options: dict[str, str], field: str
) -> None:
    site.listed = listed
    with closing(RemoteEngine(RemoteOptions(site.url, **options), (ROBOT,))) as remote:
        with pytest.raises(ConfigurationFault) as refused:
            remote.start()
        assert (refused.value.code, refused.value.where) == (Code.SETTINGS_INVALID, field)


@pytest.mark.parametrize(
    ("listed", "version", "dialect"),
    [
        pytest.param("vllm", b"{}", "vllm", id="vLLM"),
        pytest.param("sglang", b"{}", "sglang", id="SGLang"),
        pytest.param("llamacpp", b"{}", "llama-server", id="llama-server"),
        pytest.param("me", b"{}", "llama-cpp-python", id="llama-cpp-python"),
        pytest.param("tensorrt_llm", b"{}", "tensorrt-llm", id="TensorRT-LLM"),
        pytest.param("library", b"{}", "ollama", id="Ollama"),
        pytest.param("bartowski", b'{"version": "0.12.0"}', "ollama", id="Ollama with somebody's model"),
        pytest.param("openai", b"{}", "openai", id="OpenAI"),
        pytest.param("openai", b"nonsense", "openai", id="something that answers everything"),
    ],
)
def test_the_kind_of_server_is_found_out(site: Site, listed: str, version: bytes, dialect: str) -> None:
    """By its list of models; a server that is asked as OpenAI's own gives its answer in an object."""
    site.listed = {"data": [{"id": "other", "owned_by": "x"}, {"id": "m", "owned_by": listed}]}
    site.routes["/api/version"] = body(version)
    if dialect == "openai":
        site.first = answer('{"actions":[{"action":"reject","reason":"ambiguous"}]}')
    with closing(engine(site, model="m", prompt="chat")) as remote:
        assert remote.facts["dialect"] == dialect
        assert remote.ready


def test_a_server_without_structured_outputs_is_held_here(site: Site) -> None:
    """transformers: nothing is asked of it, its first answer may be anything, and each later one is judged."""
    site.first = answer("Hello! How can I help?")
    site.behaviours[BRING.marked] = in_turn(answer("Bring what?"), answer(GOOD))
    with closing(engine(site, dialect="transformers", model="m", prompt="chat")) as remote:
        assert remote.facts["held_to"] == "nothing"
        with pytest.raises(NodeFault) as refused:
            remote.decide(request())
        assert refused.value.code is Code.OUTPUT_INVALID
        assert remote.decide(request()).answer == GOOD
    asked = site.questions(BRING.marked)[0].body
    assert set(asked) == {"model", "messages", "max_tokens", "temperature", "stream"}


SECRET = "sk-very-secret-0123456789"


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(f"{SECRET}\n")
    path.chmod(0o600)
    return path


def test_the_key_goes_into_the_header_and_nowhere_else(
    site: Site, key_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Not into facts, errors or any library's log, even where the server repeats it."""
    caplog.set_level(logging.DEBUG)
    site.behaviours[BRING.marked] = body(f"Incorrect API key: {SECRET}".encode(), 401)
    with closing(engine(site, api_key_file=key_file)) as remote:
        assert {asked.headers.get("Authorization") for asked in site.asked} == {f"Bearer {SECRET}"}
        with pytest.raises(NodeFault) as refused:
            remote.decide(request())
        told = [str(refused.value), str(remote.facts), str(remote.missing), caplog.text]
    assert [text for text in told if SECRET in text] == []


def _shared(path: Path) -> None:
    path.chmod(0o644)


def _emptied(path: Path) -> None:
    path.write_text("\n")


def _two_lines(path: Path) -> None:
    path.write_text(f"{SECRET}\nX-Other: header\n")


def _endless(path: Path) -> None:
    path.write_text("k" * 10_000)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir(mode=0o700)


@pytest.mark.parametrize("spoil", [_shared, _emptied, _two_lines, _endless, _folder, Path.unlink])
def test_a_key_that_is_none_or_everybodys_is_refused(key_file: Path, spoil: Callable[[Path], None]) -> None:
    spoil(key_file)
    with pytest.raises(ConfigurationFault) as refused:
        RemoteEngine(RemoteOptions("http://127.0.0.1:1", api_key_file=key_file), (ROBOT,))
    assert refused.value.code is Code.SETTINGS_INVALID
    assert refused.value.where.startswith("remote.api_key_file: ")
    assert SECRET not in str(refused.value)


def test_certificates_that_are_none_are_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "ca.pem"
    wrong.write_text("no certificate")
    with pytest.raises(ConfigurationFault) as refused:
        RemoteEngine(RemoteOptions("https://127.0.0.1:1", ca_file=wrong), (ROBOT,))
    assert refused.value.where.startswith("remote.ca_file: ")
