"""What `keys` shows: the table of keys, the line to paste, and what an owner does next."""

from __future__ import annotations

from pathlib import Path

from edge_agent.cli.screen import Screen
from edge_agent.keys.client_key import ClientKey, to_line
from edge_agent.keys.grants import Grant, now


def show_table(screen: Screen, grants: tuple[Grant, ...]) -> None:
    """A line a key."""
    for grant in grants:
        screen.record(_record(grant))
    rows = [
        (
            grant.name,
            grant.public[:10] + "…",
            " ".join(sorted(grant.verbs)),
            " ".join(grant.robots) or "none",
            f"{grant.rate_per_s:g}/s",
            _may(grant),
            _state(grant),
        )
        for grant in grants
    ]
    screen.table(("name", "key", "allowed", "robots", "rate", "may", "state"), rows, right=frozenset({4}))


def show_grant(screen: Screen, grant: Grant) -> None:
    """One key's rights."""
    screen.record(_record(grant))
    robots = ", ".join(grant.robots) or "no robot"
    screen.line(
        (grant.name, "bold"),
        f"  {_state(grant)}: {', '.join(sorted(grant.verbs)) or 'nothing'}; {robots}; {grant.rate_per_s:g} commands/s",
        f"; may {_may(grant)}" if _may(grant) else "",
    )


def show_line(screen: Screen, key: ClientKey) -> None:
    """The key, to be pasted once where it shall be kept."""
    line = to_line(key)
    screen.line("paste this there, once; it holds the secret, which is kept nowhere here:")
    screen.line((f"edge-agent keys import {line}", "bold"))
    screen.record({"name": key.name, "line": line})


def show_joining(screen: Screen, folder: Path, public: str, addresses: tuple[str, str], listening: bool) -> None:
    """The node's public key, and how a client that makes its own key joins."""
    screen.record({"folder": str(folder), "node": public, "command": addresses[0], "events": addresses[1]})
    screen.line(("the node's public key  ", "bold"), public)
    if not listening:
        screen.line("to listen, put into the settings:")
        screen.line(("[transport]", "bold"))
        screen.line((f'tcp_command = "tcp://*:{_port(addresses[0])}"', "bold"))
        screen.line((f'tcp_events = "tcp://*:{_port(addresses[1])}"', "bold"))
    screen.line("a client that makes its own key:")
    screen.line((f"edge-agent keys join NAME --node='{public}' --host HOST", "bold"))


def _port(address: str) -> str:
    return address.rpartition(":")[2]


def _may(grant: Grant) -> str:
    return " ".join(what for what, allowed in (("confirm", grant.may_confirm), ("resume", grant.may_resume)) if allowed)


def _state(grant: Grant) -> str:
    if grant.revoked is not None:
        return f"revoked {grant.revoked:%Y-%m-%d %H:%M}"
    if grant.until is not None:
        return f"{'ended' if grant.until <= now() else 'good until'} {grant.until:%Y-%m-%d %H:%M}"
    return "good"


def _record(grant: Grant) -> dict[str, object]:
    state = "revoked" if grant.revoked is not None else "ended" if grant.until and grant.until <= now() else "good"
    shown = grant.model_dump(mode="json", exclude_none=True)
    return shown | {"verbs": sorted(grant.verbs), "state": state}
