"""Where settings become a running node: the only place that knows every part."""

from __future__ import annotations

from edge_agent.settings import Settings


def run_node(settings: Settings) -> int:
    """Run the daemon until SIGTERM or SIGINT; returns the process's exit code.

    Raises:
        ConfigurationFault: a setting, a pack or a world is wrong, INSECURE_BIND.
        NodeFault: ALREADY_RUNNING, the model or a grammar cannot be used.
    """
    raise NotImplementedError(settings.robot)
