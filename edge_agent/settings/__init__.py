"""One frozen tree of settings, read once where the node is composed; leaves get plain values.

Sources, later ones win: the defaults here, a TOML file, the command line. An unknown key is an error that names it.
"""

from __future__ import annotations

from edge_agent.settings.health import HealthSettings
from edge_agent.settings.journal import JournalSettings
from edge_agent.settings.language import ModelSettings, PackSettings
from edge_agent.settings.loading import load_settings
from edge_agent.settings.policy import ExecutorSettings, PolicySettings
from edge_agent.settings.remote import RemoteSettings
from edge_agent.settings.speech import MicrophoneSettings, SpeechSettings
from edge_agent.settings.transport import TransportSettings
from edge_agent.settings.tree import Settings, default_runtime_dir, default_state_dir

__all__ = [
    "ExecutorSettings",
    "HealthSettings",
    "JournalSettings",
    "MicrophoneSettings",
    "ModelSettings",
    "PackSettings",
    "PolicySettings",
    "RemoteSettings",
    "Settings",
    "SpeechSettings",
    "TransportSettings",
    "default_runtime_dir",
    "default_state_dir",
    "load_settings",
]
