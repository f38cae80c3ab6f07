"""One frozen tree of settings, read once where the node is composed; leaves get plain values.

Sources, later ones win: the defaults here, a TOML file, the command line. An unknown key is an error that names it.
"""

from __future__ import annotations

import os
import tomllib
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

from edge_agent.errors import Code, ConfigurationFault
from edge_agent.messages import limits


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PackSettings(_Section):
    """One pack that the node speaks, and its world."""

    name: str
    """A shipped pack (robot, home, kiosk) or the path of a pack file."""
    world: Path | None = None
    """TOML file; the pack's example world when absent."""
    grammar: Path | None = None
    """A GBNF file of your own for this pack's answers; one made for each sentence when absent."""
    confidence_min: Annotated[float, Field(ge=0, le=1)] | None = None
    """Below it nothing is done; the pack's own threshold when absent."""


class ModelSettings(_Section):
    """The GGUF file that decides, and how it is run."""

    path: Path | None = None
    """The bundled model when absent. The one setting that drops a Llama 3 8B in."""
    sha256: str | None = None
    """Checked before loading when given; the bundled model is always checked against its manifest."""
    n_ctx: Annotated[int, Field(ge=256, le=131_072)] = 2_048
    n_threads: Annotated[int, Field(ge=1, le=256)] = 1
    n_gpu_layers: Annotated[int, Field(ge=-1, le=1_000)] = -1
    """-1: all layers, where the build has a GPU backend."""
    sequences: Annotated[int, Field(ge=1, le=64)] = 8
    """Sentences decided at the same time; each further one takes 160 cells."""
    kv_type: Literal["f16", "q8_0", "q4_0"] = "f16"
    """Of keys and values; q8_0 halves their memory."""
    flash_attention: Literal["auto", "on", "off"] = "auto"
    settle_ties: bool = True
    """Settle near ties by another pass, so that no answer depends on what else was read with it."""
    draft: Literal["bundled", "off"] = "bundled"
    """Whether the bundled model drafts answers for another one to check."""


class RemoteSettings(_Section):
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


class TransportSettings(_Section):
    """Where the node listens. ipc in the runtime directory unless an address is given."""

    command: str | None = None
    events: str | None = None
    insecure_loopback: bool = False
    """Allow tcp://127.0.0.1 without keys; anything wider is INSECURE_BIND."""


class PolicySettings(_Section):
    """What needs a yes, whatever the model says."""

    confirm: tuple[Literal["motion", "lock", "heat", "money"], ...] = ("lock", "heat", "money")
    confirm_ttl_ms: Annotated[int, Field(ge=1_000, le=limits.TTL_MS_MAX)] = 20_000


class ExecutorSettings(_Section):
    """How long to believe in a silent executor, and when to say things again."""

    timeout_ms: Annotated[int, Field(ge=500, le=600_000)] = 5_000
    resend_ms: Annotated[int, Field(ge=50, le=60_000)] = 500
    stop_resend_ms: Annotated[int, Field(ge=20, le=10_000)] = 100


class MicrophoneSettings(_Section):
    """One microphone of this box, and what is spoken into it."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:\-]*$", max_length=limits.ID_CHARS_MAX)]
    """What it is called here: the `stream_id` of what it hears."""
    device: str | None = None
    """The sound system's name for it, or a part of that; its default input when absent."""
    pack: str | None = None
    robot: str | None = None
    area: str | None = None
    """Where whoever speaks into it stands."""


class SpeechSettings(_Section):
    """What listens, and how."""

    recogniser: Literal["auto", "sphinx", "whisper", "off"] = "auto"
    """auto: a Whisper model where one is at hand, else the embedded recogniser."""
    whisper: Path | None = None
    """Folder of a Whisper model in CTranslate2 format; the best that was pulled when absent."""
    language: Annotated[str, Field(pattern=r"^[a-z]{2}$")] = "en"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    compute_type: str | None = None
    """Whisper's arithmetic (int8, float16, …); by the device when absent."""
    n_threads: Annotated[int, Field(ge=1, le=64)] = 1
    eager: bool = True
    """Read the sentence at a short silence already; it is sent when the silence lasts."""
    pause_ms: Annotated[int, Field(ge=100, le=2_000)] = 200
    """A silence this short may be the end."""
    end_ms: Annotated[int, Field(ge=200, le=5_000)] = 500
    """A silence this long is the end."""
    sure_end_ms: Annotated[int, Field(ge=100, le=5_000)] = 350
    """It is the end sooner when what was said until then is a whole command, and a sure one."""
    stop_words: bool = True
    """Listen for a spoken stop beside everything else."""
    microphones: tuple[MicrophoneSettings, ...] = ()

    @field_validator("microphones")
    @classmethod
    def _each_name_once(cls, microphones: tuple[MicrophoneSettings, ...]) -> tuple[MicrophoneSettings, ...]:
        names = [one.name for one in microphones]
        if len(set(names)) < len(names):
            raise ValueError("two microphones have one name")
        if len(names) > limits.AUDIO_STREAMS_MAX:
            raise ValueError(f"at most {limits.AUDIO_STREAMS_MAX} microphones")
        return microphones

    @model_validator(mode="after")
    def _silences_in_order(self) -> Self:
        if not self.pause_ms <= self.sure_end_ms <= self.end_ms:
            raise ValueError("pause_ms, sure_end_ms and end_ms rise in this order")
        return self


class Settings(_Section):
    """Everything the node can be told."""

    packs: tuple[PackSettings, ...] = (PackSettings(name="robot"),)
    robot: str = "robot"
    """Who acts when a command names nobody."""
    model: ModelSettings = ModelSettings()
    remote: RemoteSettings | None = None
    """Decides in place of the local model; without it the node opens no network."""
    transport: TransportSettings = TransportSettings()
    policy: PolicySettings = PolicySettings()
    speech: SpeechSettings = SpeechSettings()
    executor: ExecutorSettings = ExecutorSettings()
    runtime_dir: Path = Field(default_factory=lambda: default_runtime_dir())
    state_dir: Path = Field(default_factory=lambda: default_state_dir())

    @field_validator("packs")
    @classmethod
    def _some_pack(cls, packs: tuple[PackSettings, ...]) -> tuple[PackSettings, ...]:
        if not packs:
            raise ValueError("at least one pack is needed")
        return packs

    @property
    def command_address(self) -> str:
        """ZeroMQ address of the ROUTER socket."""
        return self.transport.command or f"ipc://{self.runtime_dir}/command.sock"

    @property
    def events_address(self) -> str:
        """ZeroMQ address of the PUB socket."""
        return self.transport.events or f"ipc://{self.runtime_dir}/events.sock"


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def default_runtime_dir() -> Path:
    """Where sockets live: systemd's RUNTIME_DIRECTORY, the user's XDG_RUNTIME_DIR, or /tmp."""
    if given := os.environ.get("RUNTIME_DIRECTORY"):
        return Path(given.split(":")[0])
    if given := os.environ.get("XDG_RUNTIME_DIR"):
        return Path(given) / "edge-agent"
    return Path(f"/tmp/edge-agent-{os.getuid()}")


def default_state_dir() -> Path:
    """Where the journal lives: systemd's STATE_DIRECTORY, or the user's state folder."""
    if given := os.environ.get("STATE_DIRECTORY"):
        return Path(given.split(":")[0])
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "edge-agent"


def load_settings(path: Path | None, overrides: dict[str, Any] | None = None) -> Settings:
    """Settings from a TOML file (or none) with `overrides` on top, section by section.

    Relative paths in the file are meant from the file's own folder.

    Raises:
        ConfigurationFault: SETTINGS_INVALID, naming the file and the field.
    """
    tree: dict[str, Any] = {}
    if path is not None:
        try:
            tree = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
            raise ConfigurationFault(Code.SETTINGS_INVALID, str(problem), where=str(path)) from problem
        _anchor(tree, path.absolute().parent)
    try:
        return Settings.model_validate(_merge(tree, overrides or {}))
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        raise ConfigurationFault(
            Code.SETTINGS_INVALID, first["msg"], where=f"{path or 'settings'}: {place}"
        ) from problem


def _anchor(tree: dict[str, Any], folder: Path) -> None:
    """Make the file's relative paths absolute; whatever is no path yet is left for validation to name."""
    packs = tree.get("packs")
    sections = [
        (tree, "runtime_dir"),
        (tree, "state_dir"),
        (tree.get("model"), "path"),
        (tree.get("remote"), "api_key_file"),
        (tree.get("remote"), "ca_file"),
        (tree.get("speech"), "whisper"),
    ]
    for pack in packs if isinstance(packs, list) else ():
        sections += [(pack, "world"), (pack, "grammar")]
        if isinstance(pack, dict) and str(pack.get("name")).endswith((".py", ".json")):
            sections.append((pack, "name"))
    for section, key in sections:
        if isinstance(section, dict) and isinstance(section.get(key), str):
            section[key] = str(folder / section[key])


def _merge(base: dict[str, Any], top: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in top.items():
        below = merged.get(key)
        merged[key] = _merge(below, value) if isinstance(value, dict) and isinstance(below, dict) else value
    return merged
