"""Create, change, start, stop and delete: writes what is wanted, and nudges the loop."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from vllm_manager.cluster import Cluster, ClusterNode
from vllm_manager.db import Database
from vllm_manager.deployments import refusals, store
from vllm_manager.deployments.checks import Checks
from vllm_manager.deployments.logs import LogStore, as_line
from vllm_manager.deployments.memory import Memory
from vllm_manager.deployments.naming import refuse_if_taken
from vllm_manager.deployments.planning import Planning
from vllm_manager.deployments.reports import ReportAnswer, ReportBody
from vllm_manager.deployments.schemas import (
    Deployment,
    DeploymentAccepted,
    DeploymentChange,
    DeploymentRequest,
    DeploymentSpec,
    StartRequest,
)
from vllm_manager.deployments.showing import Showing
from vllm_manager.deployments.tables import DeploymentRow, EventRow
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.errors import Problem, not_found
from vllm_manager.kit.ids import new_id
from vllm_manager.kit.topics import Hub
from vllm_manager.operations import Begun, IdempotencyKey, OperationKind, Operations, Outcome

_TRIES: Final = 5
_LIGHT: Final = frozenset(
    {"autoscaling", "max_concurrent_requests", "max_queued_requests", "queue_wait_seconds"}
)
"""Fields that take no memory."""


class Deployments(Showing):
    """What the API offers of deployments."""

    def __init__(
        self,
        database: Database,
        memory: Memory,
        operations: Operations,
        cluster: Cluster,
        checks: Checks,
        planning: Planning,
        logs: LogStore,
        hub: Hub,
        clock: Clock,
        nudge: Callable[[], None],
    ) -> None:
        super().__init__(database, memory, logs, clock)
        self._operations = operations
        self._cluster = cluster
        self._checks = checks
        self._planning = planning
        self._hub = hub
        self._nudge = nudge

    async def secret_values(self) -> tuple[frozenset[str], Sequence[str]]:
        """Return every value that is kept sealed for a deployment, and whose can't be opened."""
        async with self._database.read() as session:
            rows = await store.all_rows(session)
        values, locked = frozenset[str](), list[str]()
        for row in rows:
            try:
                for spec in (row.spec, (row.applied or {}).get("spec", {})):
                    values |= self._planning.vault.secrets(spec.get("environment", {}))
            except Problem:
                locked.append(row.name)
        return values, locked

    async def create(
        self, asked: DeploymentRequest, key: IdempotencyKey | None = None
    ) -> DeploymentAccepted:
        """Accept a deployment, to be started unless `asked.start` is false.

        Raises:
            Problem: the name is taken (409), the spec can't run (422), or can't fit (409) and is
                not forced to.
        """
        nodes = await self._cluster.nodes_if_known()
        async with self._database.read() as session:
            earlier = await self._created_before(session, asked.name, key)
        if earlier is not None:
            return earlier
        spec = await self._planning.of_request(asked)
        self._checks.refuse_if_wrong(spec, nodes)
        estimate = await self._planning.judgement(spec, force=asked.force)
        async with self._database.unit_of_work() as session:
            earlier = await self._created_before(session, asked.name, key)
            if earlier is not None:
                return earlier
            row = self._new_row(spec, estimate)
            refuse_if_taken(row.spec, await store.specs(session))
            session.add(row)
            begun = await self._operations.begin(session, "deployment.create", spec.name, key)
            self._log_change(session, row, _created(spec))
        return await self._accepted(row, begun, done=not spec.start)

    async def _created_before(
        self, session: AsyncSession, name: str, key: IdempotencyKey | None
    ) -> DeploymentAccepted | None:
        """Return the answer to a create that came before under this key.

        Raises:
            Problem: the name is taken (409).
        """
        repeated = await self._operations.repeated(session, key) if key else None
        row = await store.by_name(session, name, for_update=True)
        if repeated is not None and row is not None:
            return DeploymentAccepted(deployment=self._view(row), operation=repeated)
        if row is not None:
            raise refusals.name_taken(row)
        if repeated is not None:
            raise refusals.deleted_since(name)
        return None

    async def create_first(self, asked: DeploymentRequest) -> None:
        """Create a deployment on an installation that never had one; do nothing on any other."""
        async with self._database.read() as session:
            untouched = await store.is_untouched(session)
        if untouched:
            await self.create(asked)

    async def change(self, name: str, change: DeploymentChange) -> Deployment:
        """Change what is wanted. `replicas` acts at once; other fields with the next start.

        Raises:
            Problem: there is no such deployment (404), it is being deleted (409), or the changed
                spec can't run (422) or fit (409).
        """
        nodes = await self._cluster.nodes_if_known()
        for _ in range(_TRIES):
            seen = await self._row(name)
            spec, fields = await self._planning.of_change(seen.spec, change)
            self._checks.refuse_if_wrong(spec, nodes)
            estimate = seen.estimate
            if not _LIGHT.issuperset(fields):
                estimate = await self._judge(seen, spec, force=change.force)
            async with self._locked(name) as (session, row):
                refusals.refuse_if_deleting(row)
                if row.spec != seen.spec:
                    continue
                row.spec = spec.model_dump(mode="json")
                if "lora_modules" in fields or "arguments" in fields or "config" in fields:
                    refuse_if_taken(row.spec, await store.specs(session))
                row.estimate = estimate
                self._touch(row)
                self._log_change(session, row, f"Changed: {', '.join(fields) or 'nothing'}.")
            self._nudge()
            return self._memory.refresh(row)
        raise refusals.changed_meanwhile(name)

    async def start(self, name: str, asked: StartRequest | None = None) -> DeploymentAccepted:
        """Start a deployment that is stopped or has failed; one that runs is left alone.

        Raises:
            Problem: as for `change`.
        """
        return await self._start(name, "deployment.start", "Start was asked for.", asked)

    async def restart(self, name: str, asked: StartRequest | None = None) -> DeploymentAccepted:
        """Start anew with the present spec and the newest version of its config, whatever runs.

        Raises:
            Problem: as for `change`.
        """
        return await self._start(name, "deployment.restart", "Restart was asked for.", asked)

    async def stop(self, name: str) -> DeploymentAccepted:
        """Finish the requests under way and end the engines.

        Raises:
            Problem: there is no such deployment (404), or it is being deleted (409).
        """
        return await self._end(name, "stopped", "deployment.stop", "Stop was asked for.")

    async def delete(self, name: str) -> DeploymentAccepted:
        """Stop a deployment and forget it.

        Raises:
            Problem: there is no such deployment (404).
        """
        return await self._end(name, "deleted", "deployment.delete", "Deletion was asked for.")

    async def read_report(self, raw: bytes) -> ReportBody:
        """Return the report in a request's body.

        Raises:
            Problem: it is none (422).
        """
        return await self._logs.read(raw)

    async def report(self, body: ReportBody) -> ReportAnswer:
        """Take in a replica's report.

        Raises:
            Problem: it belongs to no deployment (410).
        """
        row = self._memory.rows.get(body.uid)
        if row is None and self._memory.is_settled():
            raise Problem("unknown_incarnation", "No deployment has this replica.", status=410)
        log_next, lines = await self._logs.append(body)
        topic = f"logs:{body.deployment}"
        if lines and self._hub.is_wanted(topic):
            shown = [as_line(line).model_dump(mode="json") for line in lines]
            self._hub.tell(topic, "log", {"deployment": body.deployment, "lines": shown})
        if self._memory.board.post(body):
            self._nudge()
        elif row is not None:
            self._memory.refresh(row)
        return ReportAnswer(log_next=log_next)

    async def _start(
        self, name: str, kind: OperationKind, message: str, asked: StartRequest | None
    ) -> DeploymentAccepted:
        nodes = await self._cluster.nodes_if_known()
        anew = kind == "deployment.restart"
        for _ in range(_TRIES):
            seen = await self._row(name)
            refusals.refuse_if_deleting(seen)
            planned: tuple[DeploymentSpec, dict[str, Any] | None] | None = None
            if anew or not _is_to_run(seen):
                planned = await self._plan(seen, asked or StartRequest(), nodes)
            async with self._locked(name) as (session, row):
                refusals.refuse_if_deleting(row)
                if planned is not None and row.spec != seen.spec:
                    continue
                if anew or not _is_to_run(row):
                    if planned is not None:
                        row.spec, row.estimate = planned[0].model_dump(mode="json"), planned[1]
                        refuse_if_taken(row.spec, await store.specs(session))
                    self._launch(row)
                    self._log_change(session, row, message)
                begun = await self._operations.begin(session, kind, name)
            return await self._accepted(row, begun)
        raise refusals.changed_meanwhile(name)

    async def _plan(
        self, seen: DeploymentRow, asked: StartRequest, nodes: Sequence[ClusterNode] | None
    ) -> tuple[DeploymentSpec, dict[str, Any] | None]:
        """Return the spec of a start and its estimate."""
        spec = await self._planning.of_start(seen.spec, asked.config_version)
        if spec.model_dump(mode="json") != seen.spec:
            self._checks.refuse_if_wrong(spec, nodes)
        return spec, await self._judge(seen, spec, force=asked.force)

    async def _judge(
        self, seen: DeploymentRow, spec: DeploymentSpec, *, force: bool
    ) -> dict[str, Any] | None:
        """Return the estimate; of one that runs, its own engines' memory would count against it."""
        runs = _is_to_run(seen) and seen.generation > 0
        return await self._planning.judgement(spec, force=force or runs)

    async def _end(
        self, name: str, desired: str, kind: OperationKind, message: str
    ) -> DeploymentAccepted:
        async with self._locked(name) as (session, row):
            if desired == "stopped":
                refusals.refuse_if_deleting(row)
            if row.desired != desired:
                row.desired = desired
                row.given_up = row.backing_off = False
                row.last_error = None
                self._touch(row)
                self._log_change(session, row, message)
            begun = await self._operations.begin(session, kind, name)
        return await self._accepted(row, begun)

    async def _accepted(
        self, row: DeploymentRow, begun: Begun, *, done: bool = False
    ) -> DeploymentAccepted:
        self._operations.announce(begun)
        self._nudge()
        operation = begun.operation
        if done:
            await self._operations.settle({operation.id: Outcome("succeeded", "Created.", 1.0)})
            operation = await self._operations.get(operation.id)
        return DeploymentAccepted(deployment=self._memory.refresh(row), operation=operation)

    @asynccontextmanager
    async def _locked(self, name: str) -> AsyncGenerator[tuple[AsyncSession, DeploymentRow]]:
        async with self._database.unit_of_work() as session:
            row = await store.by_name(session, name, for_update=True)
            if row is None:
                raise not_found("deployment", name, list(await store.names(session)))
            yield session, row

    def _new_row(self, spec: DeploymentSpec, estimate: dict[str, Any] | None) -> DeploymentRow:
        now = self._clock.now()
        row = DeploymentRow(
            uid=new_id("dep"),
            name=spec.name,
            spec=spec.model_dump(mode="json"),
            applied=None,
            estimate=estimate,
            measured=None,
            desired="stopped",
            generation=0,
            attempt=1,
            failures=0,
            given_up=False,
            backing_off=False,
            last_error=None,
            created_at=now,
            updated_at=now,
            version=0,
        )
        if spec.start:
            self._launch(row)
        return row

    def _launch(self, row: DeploymentRow) -> None:
        words = self._checks.words(DeploymentSpec.model_validate(row.spec))
        row.desired = "running"
        row.generation += 1
        row.attempt = 1
        row.failures = 0
        row.given_up = row.backing_off = False
        row.last_error = None
        row.applied = {"spec": row.spec, "words": words}
        self._memory.fetches.pop(row.uid, None)
        self._touch(row)

    def _touch(self, row: DeploymentRow) -> None:
        row.version += 1
        row.updated_at = self._clock.now()

    def _log_change(self, session: AsyncSession, row: DeploymentRow, message: str) -> None:
        session.add(
            EventRow(
                id=new_id("evt"),
                uid=row.uid,
                at=self._clock.now(),
                kind="change",
                phase=None,
                message=message,
                problem=None,
            )
        )


def _is_to_run(row: DeploymentRow) -> bool:
    """Whether there is nothing to start: it runs, or is being started."""
    return row.desired == "running" and not row.given_up and not row.backing_off


def _created(spec: DeploymentSpec) -> str:
    used = spec.config
    return "Created." if used is None else f"Created from {used.name}, version {used.version}."
