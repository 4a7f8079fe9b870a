"""The event stream: one connection per browser, a snapshot first, then every change."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Header, Query, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from vllm_manager.auth import Access, Principal
from vllm_manager.auth.guard import OPERATORS, Anyone
from vllm_manager.deployments.views import without_values
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.errors import FieldError, invalid
from vllm_manager.kit.topics import Hub, Message, Subscription

HEARTBEAT_SECONDS = 4.0
_MAX_TOPICS = 32
_DEPLOYMENTS = "deployments"
_TOPICS = (_DEPLOYMENTS, "operations", "downloads", "keys", "limits", "alerts")
_TOPICS_OF_OPERATORS = ("users",)
_LOGS_TOPIC = re.compile(r"logs:[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")

router = APIRouter(prefix="/api/v1", tags=["events"])

Snapshot = Callable[[], Awaitable[list[dict[str, Any]]]]
"""Returns everything there is of one topic, as the client sees it."""


class Events:
    """What every event stream of the process shares."""

    def __init__(
        self,
        hub: Hub,
        snapshots: Mapping[str, Snapshot],
        access: Access,
        clock: Clock,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        self.hub = hub
        self.snapshots = snapshots
        self.access = access
        self.clock = clock
        self.heartbeat_seconds = heartbeat_seconds
        self._open: set[asyncio.Task[None]] = set()

    @property
    def open_count(self) -> int:
        return len(self._open)

    def close(self) -> None:
        """End every stream, so that the process can stop; clients connect again."""
        for task in self._open:
            task.cancel()

    def enter(self, task: asyncio.Task[None]) -> None:
        self._open.add(task)
        task.add_done_callback(self._open.discard)


class EventStream(Response):
    """Writes events until the client leaves, the login ends or the process stops."""

    def __init__(
        self, events: Events, topics: frozenset[str], after_id: int | None, principal: Principal
    ) -> None:
        super().__init__(media_type="text/event-stream")
        del self.headers["content-length"]
        self.headers["cache-control"] = "no-store"
        self.headers["x-accel-buffering"] = "no"
        self._events = events
        self._topics = topics
        self._after_id = after_id
        self._principal = principal
        self._sees_values = principal.role in OPERATORS.roles

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        writer = asyncio.create_task(self._write(send), name="event-stream")
        self._events.enter(writer)
        leaver = asyncio.create_task(_left(receive), name="event-stream-leaver")
        try:
            await asyncio.wait((writer, leaver), return_when=asyncio.FIRST_COMPLETED)
        finally:
            left = leaver.done()
            writer.cancel()
            leaver.cancel()
            await asyncio.gather(writer, leaver, return_exceptions=True)
        if not left:
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            _raise_failure(writer)

    async def _write(self, send: Send) -> None:
        subscription = self._events.hub.subscribe(self._topics)
        try:
            await _push(send, await self._beginning())
            while await self._until_heartbeat(subscription, send):
                await _push(send, self._heartbeat())
        finally:
            subscription.close()

    async def _until_heartbeat(self, subscription: Subscription, send: Send) -> bool:
        """Pass changes on until a heartbeat is due; False where the login has ended by then."""
        clock = self._events.clock
        due = clock.monotonic() + self._events.heartbeat_seconds
        while (left_seconds := due - clock.monotonic()) > 0:
            messages = await subscription.wait(left_seconds)
            if subscription.lost:
                subscription.lost = False
                await _push(send, self._frame("resync", {}) + await self._snapshot())
            elif messages:
                await _push(send, b"".join(map(self._passed_on, messages)))
        return await self._events.access.still_valid(self._principal)

    def _heartbeat(self) -> bytes:
        return self._frame("heartbeat", {"at": self._events.clock.now().isoformat()})

    async def _beginning(self) -> bytes:
        """What the client missed, where that is known, else a snapshot."""
        if self._after_id is None:
            return await self._snapshot()
        missed = self._events.hub.replay(self._after_id, self._topics)
        if missed is None:
            return self._frame("resync", {}) + await self._snapshot()
        # The comment opens the stream at once where nothing was missed.
        return b": replayed\n\n" + b"".join(map(self._passed_on, missed))

    async def _snapshot(self) -> bytes:
        last_id = self._events.hub.last_id
        sources = self._events.snapshots
        data = {topic: await sources[topic]() for topic in sorted(self._topics) if topic in sources}
        if not self._sees_values and _DEPLOYMENTS in data:
            data[_DEPLOYMENTS] = [without_values(view) for view in data[_DEPLOYMENTS]]
        return self._frame("snapshot", data, last_id)

    def _passed_on(self, message: Message) -> bytes:
        is_withheld = message.event == "deployment" and not self._sees_values
        data = without_values(message.data) if is_withheld else message.data
        return self._frame(message.event, data, message.id)

    def _frame(self, event: str, data: dict[str, Any], number: int | None = None) -> bytes:
        number_line = "" if number is None else f"id: {self._events.hub.epoch}.{number}\n"
        return f"{number_line}event: {event}\ndata: ".encode() + orjson.dumps(data) + b"\n\n"


@router.get(
    "/events",
    operation_id="streamEvents",
    summary="Follow changes as server-sent events",
    response_class=Response,
    responses={
        200: {
            "description": "Server-sent events; ids are `{epoch}.{number}`.",
            "content": {
                "text/event-stream": {
                    "schema": {"type": "string"},
                    "example": 'event: heartbeat\ndata: {"at": "2026-11-23T10:00:00+00:00"}\n\n',
                }
            },
        }
    },
)
async def stream_events(
    request: Request,
    principal: Anyone,
    topics: Annotated[
        str,
        Query(
            max_length=2048,
            description="Comma-separated: `deployments`, `operations`, `downloads`, `keys`, "
            "`limits`, `alerts`, `logs:{deployment}`; for operators and administrators `users`.",
        ),
    ] = "deployments,operations",
    last_event_id: Annotated[str | None, Header(max_length=128)] = None,
    last_event_id_query: Annotated[str | None, Query(alias="last_event_id", max_length=128)] = None,
) -> EventStream:
    """Send a `snapshot`, then changes; after a break, what was missed since `Last-Event-ID`."""
    events: Events = request.app.state.events
    after_id = _after(last_event_id or last_event_id_query, events.hub)
    return EventStream(events, _topics(topics, principal), after_id, principal)


def _topics(text: str, principal: Principal) -> frozenset[str]:
    is_operator = principal.role in OPERATORS.roles
    allowed = _TOPICS + (_TOPICS_OF_OPERATORS if is_operator else ())
    topics = frozenset(part.strip() for part in text.split(",") if part.strip())
    unknown = [
        topic
        for topic in sorted(topics)
        if topic not in allowed and not _LOGS_TOPIC.fullmatch(topic)
    ]
    if unknown or not 1 <= len(topics) <= _MAX_TOPICS:
        known = f"Use {', '.join(allowed)} and logs:NAME, separated by commas, at most 32."
        named = f"There is no topic “{unknown[0][:100]}”. " if unknown else ""
        raise invalid([FieldError(field="topics", message=named + known, suggestion=None)])
    return topics


def _after(last_event_id: str | None, hub: Hub) -> int | None:
    """Return the number after which to replay; -1, which no past reaches, for another epoch."""
    if not last_event_id:
        return None
    epoch, _, number = last_event_id.rpartition(".")
    return int(number) if epoch == hub.epoch and number.isdecimal() else -1


async def _push(send: Send, data: bytes) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": True})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _raise_failure(writer: asyncio.Task[None]) -> None:
    if not writer.cancelled() and (error := writer.exception()) is not None:
        raise error
