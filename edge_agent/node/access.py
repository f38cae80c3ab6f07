"""Who may do what, asked for every message: the sender's key is looked up anew, so that a revoked one ends at once.

Refuses with KEY_REVOKED, FORBIDDEN and RATE_LIMITED. A stop needs `halt` or `command`, and is never limited while it
stops something: only the repetitions of a stop that holds already are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edge_agent import limits
from edge_agent.clock import Clock
from edge_agent.errors import ClientFault, Code
from edge_agent.keys.grants import LOCAL, Grant, Verb
from edge_agent.keys.rates import Rates
from edge_agent.keys.ring import Ring
from edge_agent.messages import (
    AudioAttach,
    AudioStart,
    Command,
    Confirm,
    Heartbeat,
    Hello,
    Message,
    Report,
    Resume,
    SnapshotRequest,
    Stopped,
    WorldUpdate,
)


@dataclass(frozen=True, slots=True)
class Sight:
    """What a right can depend on beside the message itself."""

    robot: str
    """Who acts when a message names nobody."""
    robot_of: Callable[[str], str | None]
    """Whose an open action is, by its id."""
    stopped: Callable[[], bool]
    """Whether a stop holds."""


class Access:
    """Looks at every message before anything is done about it."""

    def __init__(self, ring: Ring | None, sight: Sight, clock: Clock) -> None:
        """`ring` None: there is no door that asks for keys."""
        self._ring = ring
        self._sight = sight
        self._commands = Rates(limits.RATE_PER_S_DEFAULT, clock)
        self._messages = Rates(limits.MESSAGES_PER_S, clock)
        self._stops = Rates(limits.STOPS_PER_S, clock)

    def grant(self, key: str) -> Grant:
        """The rights of a public key; of the local sockets' clients for none.

        Raises:
            ClientFault: KEY_REVOKED.
        """
        if not key:
            return LOCAL
        found = self._ring.find(key) if self._ring is not None else None
        if found is None:
            raise ClientFault(Code.KEY_REVOKED, "this key was revoked or has run out; nothing of this is done")
        return found

    def check(self, grant: Grant, message: Message, *, is_stop: bool) -> None:
        """Let a message pass.

        Raises:
            ClientFault: FORBIDDEN, RATE_LIMITED.
        """
        self._check_rate(grant, message, is_stop=is_stop)
        if is_stop:
            _need(grant, Verb.HALT, Verb.COMMAND)
            return
        match message:
            case Command() | AudioStart():
                _need(grant, Verb.COMMAND)
                self._cover(grant, message.robot or self._sight.robot)
            case Hello() | Report() | Heartbeat() | Stopped():
                _need(grant, Verb.PERFORM)
                self._cover(grant, message.robot)
            case Confirm():
                _may(grant, grant.may_confirm, "confirm")
                robot = self._sight.robot_of(message.action_id)
                if robot is not None:
                    self._cover(grant, robot)
            case Resume():
                _may(grant, grant.may_resume, "resume")
            case WorldUpdate():
                _need(grant, Verb.WORLD)
            case SnapshotRequest() | AudioAttach():
                _need(grant, Verb.WATCH)
            case _:  # sound and its end: only the connection that opened the stream is listened to
                _need(grant, Verb.COMMAND)

    def check_unread(self, grant: Grant) -> None:
        """Count a message that could not be read.

        Raises:
            ClientFault: RATE_LIMITED.
        """
        if not self._messages.take(grant.public, _messages_per_s(grant)):
            raise _limited("messages", _messages_per_s(grant))

    def _check_rate(self, grant: Grant, message: Message, *, is_stop: bool) -> None:
        if is_stop:
            # every stop counts, but only one that changes nothing can be too many
            allowed = self._stops.take(grant.public)
            if not allowed and self._sight.stopped():
                raise ClientFault(Code.RATE_LIMITED, "a stop holds already, and so many more say nothing new")
            return
        if isinstance(message, Command | AudioStart):
            if not self._commands.take(grant.public, grant.rate_per_s):
                raise _limited("commands", grant.rate_per_s)
            return
        self.check_unread(grant)

    @staticmethod
    def _cover(grant: Grant, robot: str) -> None:
        if not grant.covers(robot):
            raise ClientFault(Code.FORBIDDEN, f"{grant.name} has no right to the robot {robot}", where="robot")


def _messages_per_s(grant: Grant) -> float:
    return limits.MESSAGES_PER_S if grant.public else limits.LOCAL_MESSAGES_PER_S


def _need(grant: Grant, *verbs: Verb) -> None:
    if not grant.allows(*verbs):
        raise ClientFault(Code.FORBIDDEN, f"{grant.name} has no right to {' or '.join(verbs)}", where="type")


def _may(grant: Grant, allowed: bool, what: str) -> None:
    if not allowed:
        raise ClientFault(Code.FORBIDDEN, f"{grant.name} may not {what}", where="type")


def _limited(what: str, per_s: float) -> ClientFault:
    return ClientFault(Code.RATE_LIMITED, f"more than {per_s:g} {what} a second; this one was not taken, send it later")
