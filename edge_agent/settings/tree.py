"""All settings together, and where things lie when nobody says."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field, field_validator

from edge_agent.settings.base import Section
from edge_agent.settings.health import HealthSettings
from edge_agent.settings.journal import JournalSettings
from edge_agent.settings.language import ModelSettings, PackSettings
from edge_agent.settings.policy import ExecutorSettings, PolicySettings
from edge_agent.settings.remote import RemoteSettings
from edge_agent.settings.speech import SpeechSettings
from edge_agent.settings.transport import TransportSettings


class Settings(Section):
    """Everything the node can be told."""

    packs: tuple[PackSettings, ...] = (PackSettings(name="robot"),)
    robot: str = "robot"
    """Who acts when a command names nobody."""
    model: ModelSettings = ModelSettings()
    remote: RemoteSettings | None = None
    """Decides in place of the local model; without it the node opens no network."""
    transport: TransportSettings = Field(default_factory=TransportSettings)
    policy: PolicySettings = PolicySettings()
    speech: SpeechSettings = SpeechSettings()
    executor: ExecutorSettings = ExecutorSettings()
    health: HealthSettings = HealthSettings()
    journal: JournalSettings = JournalSettings()
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
