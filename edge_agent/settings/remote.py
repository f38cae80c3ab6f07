"""A server elsewhere that decides: [remote]."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationInfo, field_validator

from edge_agent import limits
from edge_agent.settings.base import Section


class RemoteSettings(Section):
    """A server elsewhere that decides; docs/remote.md has the settings of each kind."""

    insecure_http: bool = False
    """Allow http:// beyond this machine: whoever is on the way can read commands and choose their answers."""
    url: Annotated[str, Field(max_length=2_048)]
    """Of an OpenAI-compatible server, with or without /v1 at its end."""
    model: Annotated[str, Field(max_length=512)] = ""
    """Its name there; the first that the server lists when empty."""
    dialect: Literal[
        "auto",
        "openai",
        "vllm",
        "sglang",
        "llama-server",
        "llama-cpp-python",
        "tensorrt-llm",
        "ollama",
        "transformers",
    ] = "auto"
    """What kind of server it is; auto asks its list of models."""
    prompt: Literal["chat", "bundled"] = "chat"
    """bundled: the server runs the bundled model, which reads its own short prompt."""
    api_key_file: Path | None = None
    """Holds the server's key, and is closed to others; the key itself never stands here."""
    ca_file: Path | None = None
    """Certificates (PEM) that the server's is signed with; the system's when absent."""
    timeout_ms: Annotated[int, Field(ge=50, le=limits.TTL_MS_MAX)] = 10_000
    """The longest that one command waits for the server, whatever its time to live."""
    fallback: bool = True
    """Whether the local model answers when the server does not."""
    probabilities: bool = True
    """Whether the server is asked for those of its tokens."""
    confidence: Annotated[float, Field(ge=0, le=1)] = 1.0
    """What an answer counts for that comes without them."""

    @field_validator("url")
    @classmethod
    def _leads_to_a_server(cls, url: str, others: ValidationInfo) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            raise ValueError("http://host:port or https://host:port is expected, with a path where there is one")
        if parts.username is not None or parts.query or parts.fragment or not url.isprintable() or " " in url:
            raise ValueError("a URL without spaces, name, key, query or fragment; the key stands in api_key_file")
        if parts.scheme == "http" and not others.data.get("insecure_http") and not _is_this_machine(parts.hostname):
            raise ValueError("http:// leads beyond this machine in the clear; use https://, or insecure_http = true")
        return url


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
