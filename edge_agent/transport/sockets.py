"""The node's doors: the local one, and the one over TCP where the owner has opened it. Nothing but moving bytes."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import zmq.asyncio

from edge_agent import limits
from edge_agent.clock import Clock
from edge_agent.errors import Code, ConfigurationFault
from edge_agent.keys.curve import KeyPair
from edge_agent.transport.addresses import check_local, check_tcp
from edge_agent.transport.crowd import is_crowded
from edge_agent.transport.door import Door, Lock, Peer, Received
from edge_agent.transport.gatekeeper import Find, Gatekeeper, Refused

__all__ = ["Network", "Peer", "Received", "Sockets", "prepare_runtime_dir"]

_LOCAL: Final = b"l"
_NETWORK: Final = b"n"
_NAMES: Final = {_LOCAL: "local", _NETWORK: "TCP"}
_RUNTIME_MODE: Final = 0o700


@dataclass(frozen=True, slots=True)
class Network:
    """The door over TCP: two addresses, the node's own pair, and a client's grant while its key is good."""

    command_address: str
    events_address: str
    pair: KeyPair
    find: Find
    refused: Refused


class Sockets:
    """Every door, bound. Use from one loop's thread only."""

    def __init__(
        self, command_address: str, events_address: str, network: Network | None = None, *, clock: Clock
    ) -> None:
        """Bind.

        Raises:
            ConfigurationFault: INSECURE_BIND, SETTINGS_INVALID.
            NodeFault: ALREADY_RUNNING when somebody listens there already.
        """
        check_local(command_address, where="transport.command")
        check_local(events_address, where="transport.events")
        if network is not None:
            check_tcp(network.command_address, where="transport.tcp_command")
            check_tcp(network.events_address, where="transport.tcp_events")
        self._context = zmq.asyncio.Context()
        self.gatekeeper: Gatekeeper | None = None
        """Answers handshakes; None when there is no door that asks for keys."""
        self._doors: dict[bytes, Door] = {}
        self._clock = clock
        self._emptied = b""
        """The door that was emptied last, while it is still crowded."""
        self._emptied_ms = 0.0
        try:
            self._doors[_LOCAL] = Door(self._context, _LOCAL, command_address, events_address, None)
            if network is not None:
                self._open_to_network(network, clock)
        except BaseException:
            self._context.destroy(linger=0)
            raise

    def _open_to_network(self, network: Network, clock: Clock) -> None:
        # before the door: whoever comes while nobody answers is turned away for good
        self.gatekeeper = Gatekeeper(self._context, network.find, network.refused, clock)
        lock = Lock(network.pair, lambda key: network.find(key) is not None)
        self._doors[_NETWORK] = Door(self._context, _NETWORK, network.command_address, network.events_address, lock)

    @property
    def doors(self) -> tuple[Door, ...]:
        """Every door; each is received from by a task of its own, so that a crowd at one does not hold up the other."""
        return tuple(self._doors.values())

    def look_around(self) -> str:
        """Open again what was closed. Called every few milliseconds; which door had to be emptied now, "" for none.

        The one over TCP first: strangers can crowd it, and whoever stands beside the machine comes in by the other.
        """
        open_again = [door.reopen() for door in self._doors.values()]
        if not is_crowded():
            self._emptied = b""
            return ""
        now_ms = self._clock.now_ms()
        if not all(open_again) or (self._emptied and now_ms - self._emptied_ms < limits.EMPTIED_AGAIN_MS):
            return ""
        self._emptied = _LOCAL if self._emptied == _NETWORK or _NETWORK not in self._doors else _NETWORK
        self._emptied_ms = now_ms
        self._doors[self._emptied].empty()
        return _NAMES[self._emptied]

    def send(self, peer: Peer, frame: bytes) -> bool:
        """Hand a frame to one peer; False when it is gone, takes nothing more, or is not known any more."""
        return self._doors[peer[:1]].send(peer, frame)

    def send_last(self, peer: Peer, frame: bytes) -> None:
        """Hand a frame to a peer whatever has become of its key."""
        self._doors[peer[:1]].send_last(peer, frame)

    def key_of(self, peer: Peer) -> str:
        """The public key of a peer; empty for local ones, and for microphones, which have no connection."""
        door = self._doors.get(peer[:1])
        return door.key_of(peer) if door is not None else ""

    def publish(self, topic: str, frame: bytes) -> None:
        """Show a frame to whoever listens to the topic."""
        name = topic.encode()
        for door in self._doors.values():
            door.publish(name, frame)

    def turn_out_watchers(self) -> None:
        """Close every connection over TCP to the events, until `look_around`; who is still known comes back."""
        if _NETWORK in self._doors:
            self._doors[_NETWORK].turn_out_watchers()

    def close(self) -> None:
        """Give peers LINGER_MS to take what was sent, then close."""
        self._context.destroy(linger=limits.LINGER_MS)


def prepare_runtime_dir(path: Path) -> None:
    """Make the directory of the sockets, for this user alone.

    Raises:
        ConfigurationFault: SETTINGS_INVALID when it cannot be made, INSECURE_BIND when it belongs to somebody else.
    """
    try:
        path.mkdir(mode=_RUNTIME_MODE, parents=True, exist_ok=True)
        found = path.lstat()
    except OSError as problem:
        raise ConfigurationFault(Code.SETTINGS_INVALID, str(problem), where="runtime_dir") from problem
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & stat.S_IWOTH:
        raise ConfigurationFault(
            Code.INSECURE_BIND, "it is not a directory of this user that others cannot write", where=str(path)
        )
