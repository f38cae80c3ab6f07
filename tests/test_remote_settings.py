"""The settings of a server elsewhere: what they may say, and what a node without them never loads."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest

from edge_agent.errors import Code, ConfigurationFault
from edge_agent.language.remote_dialects import Dialect
from edge_agent.language.remote_options import AUTO, RemoteOptions
from edge_agent.settings import RemoteSettings, load_settings


def written(folder: Path, text: str) -> Path:
    """A settings file with this section."""
    path = folder / "node.toml"
    path.write_text(f"[remote]\n{text}\n", encoding="utf-8")
    return path


def test_without_the_section_there_is_no_server() -> None:
    assert load_settings(None).remote is None


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8000/v1",
        "http://localhost:11434",
        "http://[::1]:8000",
        "https://engine.site.example",
        "https://engine.site.example:8443/llm/v1/",
    ],
)
def test_a_url_leads_to_a_server(tmp_path: Path, url: str) -> None:
    remote = load_settings(written(tmp_path, f'url = "{url}"')).remote
    assert remote is not None
    assert remote.fallback
    assert not RemoteOptions(url).base_url.endswith(("/", "/v1"))


def test_paths_are_meant_from_the_file(tmp_path: Path) -> None:
    text = 'url = "https://engine.example"\napi_key_file = "key"\nca_file = "ca.pem"'
    remote = load_settings(written(tmp_path, text)).remote
    assert remote is not None
    assert (remote.api_key_file, remote.ca_file) == (tmp_path / "key", tmp_path / "ca.pem")


def test_plain_http_beyond_this_machine_is_asked_for_by_name(tmp_path: Path) -> None:
    """Whoever is on the way could choose among the answers that the grammar allows."""
    with pytest.raises(ConfigurationFault) as refused:
        load_settings(written(tmp_path, 'url = "http://10.0.0.7:8000"'))
    assert refused.value.where.endswith(": remote.url")
    assert "insecure_http" in refused.value.message
    remote = load_settings(written(tmp_path, 'url = "http://10.0.0.7:8000"\ninsecure_http = true')).remote
    assert remote is not None


@pytest.mark.parametrize(
    ("text", "field"),
    [
        pytest.param("", "remote.url", id="no url"),
        pytest.param('url = ""', "remote.url", id="an empty one"),
        pytest.param('url = "engine:8000"', "remote.url", id="no scheme"),
        pytest.param('url = "ftp://engine"', "remote.url", id="another scheme"),
        pytest.param('url = "https://"', "remote.url", id="no host"),
        pytest.param('url = "https://engine:0"', "remote.url", id="port zero"),
        pytest.param('url = "https://engine:http"', "remote.url", id="a port that is a word"),
        pytest.param('url = "https://engine:70000"', "remote.url", id="a port beyond all ports"),
        pytest.param('url = "https://me:secret@engine"', "remote.url", id="a key in the url"),
        pytest.param('url = "https://engine/v1?key=secret"', "remote.url", id="a query"),
        pytest.param(r'url = "https://engine\r\nX-Header: 1"', "remote.url", id="a line break"),
        pytest.param('url = "https://e"\napi_key = "secret"', "remote.api_key", id="the key itself"),
        pytest.param('url = "https://e"\ndialect = "klingon"', "remote.dialect", id="an unknown kind of server"),
        pytest.param('url = "https://e"\nprompt = "llama3"', "remote.prompt", id="an unknown prompt"),
        pytest.param('url = "https://e"\ntimeout_ms = 0', "remote.timeout_ms", id="no time at all"),
        pytest.param('url = "https://e"\nconfidence = 1.5', "remote.confidence", id="more than sure"),
        pytest.param('url = "https://e"\nfallback = "yes, please"', "remote.fallback", id="a word for yes"),
    ],
)
def test_a_wrong_value_is_named(tmp_path: Path, text: str, field: str) -> None:
    """With the file and the field, and without the value, which may hold a key."""
    path = written(tmp_path, text)
    with pytest.raises(ConfigurationFault) as refused:
        load_settings(path)
    assert refused.value.code is Code.SETTINGS_INVALID
    assert refused.value.where == f"{path}: {field}"
    assert "secret" not in refused.value.message


def test_the_engine_reads_what_the_settings_say() -> None:
    """Every field but the one that only guards the URL; every kind of server by its own name."""
    known = {field.name: field.default for field in fields(RemoteOptions) if field.name != "url"}
    said = {name: field.default for name, field in RemoteSettings.model_fields.items() if name != "url"}
    assert said == known | {"insecure_http": False}
    assert get_args(RemoteSettings.model_fields["dialect"].annotation) == (AUTO, *(one.value for one in Dialect))


def python(script: str) -> str:
    """What a fresh process prints."""
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip()


def test_without_the_library_the_remedy_is_said() -> None:
    said = python(
        "import sys; sys.modules['httpcore2'] = None\n"
        "from edge_agent.errors import ConfigurationFault\n"
        "from edge_agent.language.remote import RemoteEngine\n"
        "from edge_agent.language.remote_options import RemoteOptions\n"
        "try: RemoteEngine(RemoteOptions('http://127.0.0.1:1'), ())\n"
        "except ConfigurationFault as fault: print(fault)"
    )
    assert said == "SETTINGS_INVALID: remote: a remote engine needs httpcore2; run: pip install 'edge-agent[remote]'"


def test_asking_elsewhere_loads_no_native_model_code() -> None:
    """The process that holds the sockets and the journal judges the answers in Python alone."""
    said = python(
        "import sys\n"
        "import edge_agent.language.fallback, edge_agent.language.http\n"
        "print(sorted({'llama_cpp', 'llguidance', 'torch', 'numpy'} & sys.modules.keys()))"
    )
    assert said == "[]"


def test_a_node_without_a_server_loads_no_http() -> None:
    said = python(
        "import sys\nimport edge_agent.node.compose, edge_agent.language.fallback\n"
        "print(sorted(name for name in sys.modules if name.startswith(('httpcore', 'httpx', 'h11'))))"
    )
    assert said == "[]"
