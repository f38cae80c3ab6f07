"""What `doctor` says of keys: whether the node listens on TCP, whether its own key is good, and who has one."""

from __future__ import annotations

from edge_agent.errors import Code, ConfigurationFault
from edge_agent.keys.grants import now
from edge_agent.keys.node_key import read_node_key
from edge_agent.keys.ring import read_grants
from edge_agent.settings import TransportSettings


def keys_detail(settings: TransportSettings) -> tuple[bool, str]:
    """Whether there is anything to note, and what a person wants to know.

    Raises:
        ConfigurationFault: KEY_INVALID, or INSECURE_BIND where the node would not start.
    """
    grants = read_grants(settings.keys)
    wall_ms = int(now().timestamp() * 1000)
    good = [grant.name for grant in grants if grant.holds(wall_ms)]
    known = f"{len(good)} of {len(grants)} keys are good" + (f": {', '.join(sorted(set(good)))}" if good else "")
    try:
        read_node_key(settings.keys)
    except ConfigurationFault as problem:
        if problem.code is not Code.KEY_MISSING:
            raise
        if settings.tcp_command is None:
            return False, "local sockets only; none is needed"
        raise ConfigurationFault(
            Code.INSECURE_BIND,
            "TCP is asked for, and this node has no key: edge-agent keys init",
            where=str(settings.keys),
        ) from problem
    if settings.tcp_command is None:
        return True, f"{known}; nobody can use them: transport.tcp_command is not set"
    if not good:
        raise ConfigurationFault(
            Code.INSECURE_BIND, "TCP is asked for, and nobody has a key: edge-agent keys add", where=str(settings.keys)
        )
    return False, f"{settings.tcp_command}; {known}"
