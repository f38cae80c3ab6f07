"""A blocking client: one request at a time, each with one typed end. Belongs to one thread.

    with Client() as node:
        answer = node.command("bring the red box from dock 3 to packing")
        for event in node.follow(answer):
            print(event.action, event.state)

Every refusal of the node is raised as an `EdgeAgentError` with the node's own code; a reject or an expiry is an answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Self, Unpack

from edge_agent.client.connection import Connection, Subscription
from edge_agent.client.requests import (
    FROM_NODE_CODEC,
    QUIET_MS,
    WATCH_MS,
    CommandFields,
    Confirmable,
    Entities,
    Event,
    Following,
    Reply,
    Request,
    command_of,
    confirm_fields,
    error_of,
    new_id,
    no_answer,
    patience_ms,
    read_event,
)
from edge_agent.client.speaking import Said, Speaking
from edge_agent.client.whereabouts import AnyKey, whereabouts
from edge_agent.clock import Clock, SystemClock
from edge_agent.errors import ClientFault
from edge_agent.limits import ANSWER_MS, CONNECT_MS
from edge_agent.messages import (
    Answer,
    AudioStart,
    Beat,
    Command,
    Confirm,
    Confirmed,
    ErrorReply,
    Halt,
    Halted,
    Resume,
    Resumed,
    Snapshot,
    SnapshotRequest,
    StateEvent,
    WorldUpdate,
    WorldUpdated,
)
from edge_agent.messages.codec import build, encode


class Client:
    """Speaks to one node; the local one where neither an address nor a key is given."""

    def __init__(
        self,
        command_address: str | None = None,
        events_address: str | None = None,
        *,
        key: AnyKey | None = None,
        connect_ms: int = CONNECT_MS,
        answer_ms: float = ANSWER_MS,
        clock: Clock | None = None,
    ) -> None:
        """`key`: a key file, for a node elsewhere; its addresses are in it.

        Raises:
            ConfigurationFault: KEY_MISSING, KEY_INVALID.
        """
        where = whereabouts(command_address, events_address, key)
        self._clock = clock or SystemClock()
        self._answer_ms = answer_ms
        self._connection = Connection(where.command, connect_ms=connect_ms, key=where.key)
        try:
            self._subscription = Subscription(where.events, key=where.key)
        except ClientFault:
            self._connection.close()
            raise

    def command(self, text: str, **fields: Unpack[CommandFields]) -> Answer:
        """Ask for something in plain words and wait for the answer.

        Raises:
            EdgeAgentError: with the node's code, NODE_UNREACHABLE or NO_ANSWER.
        """
        command = command_of(text, fields)
        self._subscription.wait_until_watching(WATCH_MS)
        return self.ask(command, Answer)

    def speak(self, chunks: Iterable[bytes], start: AudioStart | None = None) -> Iterator[Said]:
        """Send sound as it comes, in portions of up to half a second; yields what is heard, and the answers to it.

        Without `start`: 16 kHz, one channel, 16-bit integers, cut at silences.

        Raises:
            EdgeAgentError: with the node's code (SPEECH_UNAVAILABLE, STREAM_TAKEN, …), NODE_UNREACHABLE or NO_ANSWER.
        """
        self._subscription.wait_until_watching(WATCH_MS)
        return Speaking(self._connection, self._clock, start or AudioStart(stream_id=new_id())).say(chunks)

    def confirm(self, planned: Confirmable) -> Confirmed:
        """Say yes to exactly this action: of one's own answer, or of a snapshot or an event where one may."""
        return self.ask(build(Confirm, request_id=new_id(), **confirm_fields(planned)), Confirmed)

    def halt(self, reason: str = "") -> Halted:
        """Stop every robot, now, and latch it. Not safety-rated."""
        return self.ask(build(Halt, request_id=new_id(), reason=reason), Halted)

    def resume(self, stop_id: str) -> Resumed:
        """Release the latch of exactly this stop."""
        return self.ask(build(Resume, request_id=new_id(), stop_id=stop_id), Resumed)

    def update_world(
        self, *, remove: list[str] | tuple[str, ...] = (), add: Entities = (), pack: str | None = None
    ) -> WorldUpdated:
        """Change what exists, whole or not at all, from the next command on."""
        return self.ask(
            build(WorldUpdate, request_id=new_id(), pack=pack, remove=tuple(remove), add=tuple(add)), WorldUpdated
        )

    def snapshot(self) -> Snapshot:
        """Everything that is open now."""
        return self.ask(build(SnapshotRequest, request_id=new_id()), Snapshot)

    def ask(self, request: Request, reply: type[Reply]) -> Reply:
        """Send a request of any type and wait for its reply of this type."""
        request_id = request.request_id
        timeout_ms = patience_ms(request.ttl_ms if isinstance(request, Command) else None, self._answer_ms)
        self._connection.send(encode(request))
        until_ms = self._clock.now_ms() + timeout_ms
        while (left_ms := until_ms - self._clock.now_ms()) > 0:
            frame = self._connection.receive(left_ms)
            if frame is None:
                break
            message = FROM_NODE_CODEC.decode(frame)
            if isinstance(message, ErrorReply) and message.request_id in (request_id, None):
                raise error_of(message)
            if isinstance(message, reply) and message.request_id == request_id:
                return message
        raise no_answer(timeout_ms, request_id)

    def events(self, timeout_ms: float | None = None, *, beats: bool = False) -> Iterator[Event]:
        """What happens, as it happens; ends after `timeout_ms` of silence, or never.

        With `beats` the node's sign of life is an event as well, so that silence means that the node is gone.
        """
        while True:
            event = self._next_event(QUIET_MS if timeout_ms is None else timeout_ms, beats=beats)
            if event is not None:
                yield event
            elif timeout_ms is not None:
                return

    def follow(self, *answers: Answer) -> Iterator[StateEvent]:
        """The states of these answers' actions until all have ended.

        Raises:
            NodeFault: NO_ANSWER when an action ended before this client was watching, or the node is gone.
        """
        following = Following(answers)
        while not following.done:
            event = self._next_event(QUIET_MS)
            if event is None:
                still_open = self.snapshot().open
                event = self._next_event(0)
                if event is None:
                    following.check(still_open)
            if event is not None and following.takes(event):
                assert isinstance(event, StateEvent)
                yield event

    def _next_event(self, timeout_ms: float, *, beats: bool = False) -> Event | None:
        """The next event that this edition knows, or None after `timeout_ms` of silence; a beat breaks none."""
        until_ms = self._clock.now_ms() + timeout_ms
        while (frame := self._subscription.receive(max(0.0, until_ms - self._clock.now_ms()))) is not None:
            event = read_event(frame)
            if event is not None and (beats or not isinstance(event, Beat)):
                return event
        return None

    def close(self) -> None:
        self._connection.close()
        self._subscription.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
