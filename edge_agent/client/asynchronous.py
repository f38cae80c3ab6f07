"""A client for asyncio: many requests at once over one connection, each told apart by its id.

    async with AsyncClient() as node:
        answers = await asyncio.gather(*(node.command(text) for text in texts))

One task reads the connection and hands each reply to whoever waits for it. Same promises as the blocking client.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Self, Unpack

from edge_agent.client.connection import AsyncConnection
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
from edge_agent.client.whereabouts import AnyKey, whereabouts
from edge_agent.errors import ClientFault, Code
from edge_agent.limits import ANSWER_MS, CONNECT_MS
from edge_agent.messages import (
    Answer,
    Beat,
    Command,
    Confirm,
    Confirmed,
    ErrorReply,
    Halt,
    Halted,
    Message,
    Resume,
    Resumed,
    Snapshot,
    SnapshotRequest,
    StateEvent,
    WorldUpdate,
    WorldUpdated,
)
from edge_agent.messages.codec import build, encode


@dataclass(frozen=True, slots=True)
class _Waiting:
    reply: type[Message]
    future: asyncio.Future[Message]


class AsyncClient:
    """Speaks to one node; the local one where neither an address nor a key is given. Use it with `async with`."""

    def __init__(
        self,
        command_address: str | None = None,
        events_address: str | None = None,
        *,
        key: AnyKey | None = None,
        connect_ms: int = CONNECT_MS,
        answer_ms: float = ANSWER_MS,
    ) -> None:
        """`key`: a key file, for a node elsewhere; its addresses are in it.

        Raises:
            ConfigurationFault: KEY_MISSING, KEY_INVALID.
        """
        self._where = whereabouts(command_address, events_address, key)
        self._connect_ms = connect_ms
        self._answer_ms = answer_ms
        self._waiting: dict[str, _Waiting] = {}

    async def __aenter__(self) -> Self:
        self._connection = AsyncConnection(self._where.command, connect_ms=self._connect_ms, key=self._where.key)
        try:
            self._subscription = AsyncConnection(self._where.events, connect_ms=0, events=True, key=self._where.key)
        except ClientFault:
            self._connection.close()
            raise
        await self._subscription.wait_until_watching(WATCH_MS)
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._reader.cancel()
        try:
            with suppress(asyncio.CancelledError):
                await self._reader
        finally:
            self._connection.close()
            self._subscription.close()

    async def command(self, text: str, **fields: Unpack[CommandFields]) -> Answer:
        """Ask for something in plain words; fields and errors as `Client.command`."""
        return await self.ask(command_of(text, fields), Answer)

    async def confirm(self, planned: Confirmable) -> Confirmed:
        """Say yes to exactly this action: of one's own answer, or of a snapshot or an event where one may."""
        return await self.ask(build(Confirm, request_id=new_id(), **confirm_fields(planned)), Confirmed)

    async def halt(self, reason: str = "") -> Halted:
        """Stop every robot, now, and latch it. Not safety-rated."""
        return await self.ask(build(Halt, request_id=new_id(), reason=reason), Halted)

    async def resume(self, stop_id: str) -> Resumed:
        """Release the latch of exactly this stop."""
        return await self.ask(build(Resume, request_id=new_id(), stop_id=stop_id), Resumed)

    async def update_world(
        self, *, remove: list[str] | tuple[str, ...] = (), add: Entities = (), pack: str | None = None
    ) -> WorldUpdated:
        """Change what exists, whole or not at all, from the next command on."""
        return await self.ask(
            build(WorldUpdate, request_id=new_id(), pack=pack, remove=tuple(remove), add=tuple(add)), WorldUpdated
        )

    async def snapshot(self) -> Snapshot:
        """Everything that is open now."""
        return await self.ask(build(SnapshotRequest, request_id=new_id()), Snapshot)

    async def ask(self, request: Request, reply: type[Reply]) -> Reply:
        """Send a request of any type and wait for its reply of this type."""
        request_id = request.request_id
        if request_id in self._waiting:
            raise ClientFault(Code.INVALID_MESSAGE, f"{request_id!r} is being waited for already", where="request_id")
        timeout_ms = patience_ms(request.ttl_ms if isinstance(request, Command) else None, self._answer_ms)
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._waiting[request_id] = _Waiting(reply, future)
        try:
            await self._connection.send(encode(request))
            message = await asyncio.wait_for(future, timeout_ms / 1000.0)
        except TimeoutError as problem:
            raise no_answer(timeout_ms, request_id) from problem
        finally:
            del self._waiting[request_id]
        assert isinstance(message, reply)
        return message

    async def _read(self) -> None:
        while True:
            frame = await self._connection.receive()
            try:
                message = FROM_NODE_CODEC.decode(frame)
            except ClientFault as problem:
                self._fail_all(problem)
                continue
            self._settle(message)

    def _settle(self, message: Message) -> None:
        request_id = getattr(message, "request_id", None)
        waiting = self._waiting.get(request_id) if isinstance(request_id, str) else None
        if isinstance(message, ErrorReply):
            if waiting is not None and not waiting.future.done():
                waiting.future.set_exception(error_of(message))
            elif request_id is None and len(self._waiting) == 1:
                self._fail_all(error_of(message))
        elif waiting is not None and isinstance(message, waiting.reply) and not waiting.future.done():
            waiting.future.set_result(message)

    def _fail_all(self, problem: Exception) -> None:
        for waiting in self._waiting.values():
            if not waiting.future.done():
                waiting.future.set_exception(problem)

    async def events(self, timeout_ms: float | None = None, *, beats: bool = False) -> AsyncIterator[Event]:
        """As `Client.events`."""
        while True:
            event = await self._next_event(QUIET_MS if timeout_ms is None else timeout_ms, beats=beats)
            if event is not None:
                yield event
            elif timeout_ms is not None:
                return

    async def follow(self, *answers: Answer) -> AsyncIterator[StateEvent]:
        """The states of these answers' actions until all have ended. One follower at a time: it reads every event.

        Raises:
            NodeFault: NO_ANSWER when an action ended before this client was watching, or the node is gone.
        """
        following = Following(answers)
        while not following.done:
            event = await self._next_event(QUIET_MS)
            if event is None:
                still_open = (await self.snapshot()).open
                event = await self._next_event(0)
                if event is None:
                    following.check(still_open)
            if event is not None and following.takes(event):
                assert isinstance(event, StateEvent)
                yield event

    async def _next_event(self, timeout_ms: float, *, beats: bool = False) -> Event | None:
        """The next event that this edition knows, or None after `timeout_ms` of silence; a beat breaks none."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + timeout_ms / 1000.0
        while True:
            frame = await self._subscription.receive_within(max(0.0, until_s - loop.time()) * 1000.0)
            event = read_event(frame) if frame is not None else None
            if frame is None or (event is not None and (beats or not isinstance(event, Beat))):
                return event
