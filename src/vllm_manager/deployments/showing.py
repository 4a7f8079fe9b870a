"""What is told of deployments: to clients, the gateway, the library. Nothing here writes."""

import socket
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from vllm_manager.db import Database
from vllm_manager.deployments import store
from vllm_manager.deployments.logs import Form, LogCounts, LogQuery, LogStore
from vllm_manager.deployments.memory import Memory
from vllm_manager.deployments.models import ModelUse, uses_of
from vllm_manager.deployments.observed import Report
from vllm_manager.deployments.reached import Route
from vllm_manager.deployments.schemas import (
    Deployment,
    DeploymentEvent,
    LogAttempt,
    LogLine,
    Replica,
)
from vllm_manager.deployments.starts import StartCounts
from vllm_manager.deployments.states import Phase
from vllm_manager.deployments.tables import DeploymentRow
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.errors import not_found
from vllm_manager.kit.paging import Page, cut, decode_cursor


@dataclass(frozen=True, slots=True)
class RawPage:
    """A page of deployments, each already JSON."""

    items: Sequence[bytes]
    next_cursor: str | None


class Standing(NamedTuple):
    """Where a deployment stands, for monitoring."""

    name: str
    phase: Phase
    wanted: int
    ready: int


class Showing:
    """The half of the service that reads."""

    def __init__(self, database: Database, memory: Memory, logs: LogStore, clock: Clock) -> None:
        self._database = database
        self._memory = memory
        self._logs = logs
        self._clock = clock

    async def get(self, name: str) -> Deployment:
        """Return one deployment.

        Raises:
            Problem: there is no such deployment (404).
        """
        return self._view(await self._row(name))

    async def list(
        self, limit: int, cursor: str | None, text: str | None, phase: Phase | None
    ) -> RawPage:
        """Return a page of deployments by name."""
        after = decode_cursor(cursor)
        wanted = None if phase is None else b'"phase":"%s","reason"' % phase.encode()
        found: list[tuple[str, bytes]] = []
        async with self._database.read() as session:
            while len(found) <= limit:
                keys = await store.page(session, limit + 1, after, text)
                pairs = [(key.name, await self._raw(session, key)) for key in keys]
                found += [p for p in pairs if p[1] and (wanted is None or wanted in p[1])]
                if len(keys) <= limit:
                    break
                after = keys[-1].name
        page, next_cursor = cut(found, limit, [name for name, _ in found])
        return RawPage([data for _, data in page], next_cursor)

    async def views(self) -> Sequence[Deployment]:
        """Return every deployment, for the event stream's snapshot."""
        async with self._database.read() as session:
            return [self._view(row) for row in await store.all_rows(session)]

    async def replicas(self, name: str) -> Page[Replica]:
        """Return a deployment's replicas.

        Raises:
            Problem: there is no such deployment (404).
        """
        return Page(items=self._memory.replicas(await self._row(name)))

    async def logs(self, name: str, query: LogQuery) -> Page[LogLine]:
        """Return a page of log lines, in order; the next cursor leads to older ones.

        Raises:
            Problem: there is no such deployment (404).
        """
        lines, next_cursor = await self._logs.page(await self._uid_of_logs(name), query)
        return Page(items=lines, next_cursor=next_cursor)

    async def log_stream(self, name: str, query: LogQuery, form: Form) -> Iterator[bytes]:
        """Return all that is kept of a deployment's output, piece by piece, oldest line first.

        Raises:
            Problem: there is no such deployment, and none is remembered (404).
        """
        return self._logs.stream(await self._uid_of_logs(name), query, form)

    async def log_attempts(self, name: str) -> Page[LogAttempt]:
        """Return every try of every replica whose output is kept, newest first.

        Raises:
            Problem: there is no such deployment, and none is remembered (404).
        """
        uid = await self._uid_of_logs(name)
        return Page(items=await self._logs.attempts(uid, self._memory.heard(uid)))

    def log_counts(self) -> Sequence[LogCounts]:
        """Return how many lines of output were kept and dropped, by replica."""
        return self._logs.counts()

    async def forget_logs(self, seconds: float) -> None:
        """Remove the output of deployments that were deleted, `seconds` after its last line."""
        async with self._database.read() as session:
            known = [key.uid for key in await store.all_keys(session)]
        await self._logs.forget(known, seconds)

    async def _uid_of_logs(self, name: str) -> str:
        """Return whose output to show: the deployment's, else that of the last one so called."""
        async with self._database.read() as session:
            row = await store.by_name(session, name)
        if row is not None:
            return row.uid
        remembered = await self._logs.uid_of(name)
        return remembered or (await self._row(name)).uid

    async def events(self, name: str, limit: int, cursor: str | None) -> Page[DeploymentEvent]:
        """Return a page of what happened, newest first.

        Raises:
            Problem: there is no such deployment (404).
        """
        row = await self._row(name)
        async with self._database.read() as session:
            rows = await store.events(session, row.uid, limit + 1, decode_cursor(cursor))
        page, next_cursor = cut(rows, limit, [event.id for event in rows])
        items = [DeploymentEvent.model_validate(e, from_attributes=True) for e in page]
        return Page(items=items, next_cursor=next_cursor)

    def routes(self) -> Sequence[Route] | None:
        """Return what the gateway needs to know, or None until enough was heard to say."""
        return self._memory.routes()

    def standings(self) -> Sequence[Standing]:
        """Return where every deployment stands, as last looked at; asks no database."""
        return [
            Standing(row.name, route.phase, _wanted(row), len(route.endpoints))
            for row, route in self._memory.rows_and_routes()
        ]

    def engine_pids(self) -> frozenset[int]:
        """Return the processes of this machine's engines that replicas have reported."""
        return self._memory.board.engine_pids(socket.gethostname())

    def reports(self) -> Sequence[Report]:
        """Return the newest report of each replica, however old."""
        return self._memory.board.all()

    async def model_uses(self) -> Sequence[ModelUse]:
        """Return which models deployments name, and which snapshots their engines run from."""
        async with self._database.read() as session:
            rows = await store.all_rows(session)
            started = await store.last_starts(session)
        ready = {view.uid for view in await self.views() if view.replicas_ready}
        now = self._clock.now()
        return [
            use
            for row in rows
            for use in uses_of(row, now if row.uid in ready else started.get(row.uid))
        ]

    async def config_users(self) -> Mapping[str, Sequence[str]]:
        """Return the names of the deployments that were made from each config."""
        users: defaultdict[str, list[str]] = defaultdict(list)
        async with self._database.read() as session:
            for name, spec in await store.specs(session):
                if spec.get("config"):
                    users[spec["config"]["name"]].append(name)
        return users

    @property
    def start_counts(self) -> StartCounts:
        """The starts since this process began."""
        return self._memory.starts

    def on_route_change(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever `routes` would answer something else."""
        self._memory.on_route_change(listener)

    async def _row(self, name: str) -> DeploymentRow:
        async with self._database.read() as session:
            row = await store.by_name(session, name)
            if row is None:
                raise not_found("deployment", name, list(await store.names(session)))
            return row

    async def _raw(self, session: AsyncSession, key: store.Key) -> bytes:
        cached = self._memory.cached(key.uid, key.version)
        if cached is not None:
            return cached
        row = await store.by_uid(session, key.uid)
        return self._view(row).model_dump_json().encode() if row else b""

    def _view(self, row: DeploymentRow) -> Deployment:
        return self._memory.refresh(row)


def _wanted(row: DeploymentRow) -> int:
    return int(row.spec["replicas"]) if row.desired == "running" else 0
