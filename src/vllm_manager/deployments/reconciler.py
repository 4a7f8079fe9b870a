"""The loop that brings what runs to what is wanted: load, observe, decide, write, converge."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from vllm_manager.configs import EnvironmentVault
from vllm_manager.db import Database, Lease
from vllm_manager.deployments import store
from vllm_manager.deployments.circumstances import circumstances
from vllm_manager.deployments.diagnosis import explain
from vllm_manager.deployments.engine import Engine, EngineUnavailableError, Launch
from vllm_manager.deployments.fetching import Fetcher
from vllm_manager.deployments.memory import Memory, identity_of
from vllm_manager.deployments.plan import (
    Decision,
    Setback,
    decide,
    find_setback,
    must_converge,
    overdue,
)
from vllm_manager.deployments.schemas import DeploymentSpec
from vllm_manager.deployments.states import Assessment
from vllm_manager.deployments.tables import DeploymentRow, EventRow, StartRow
from vllm_manager.deployments.watch import total_seconds
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.errors import Problem, ProblemDetails
from vllm_manager.kit.ids import new_id
from vllm_manager.operations import Operation, Operations, Outcome

log = logging.getLogger(__name__)

_STARTS_READ = 200


class Reconciler:
    """One step looks at everything and acts where it must. Steps may be run at any time, any often.

    Only the holder of the lease acts; the others observe, so that their views are true as well.
    """

    def __init__(
        self,
        database: Database,
        engine: Engine,
        memory: Memory,
        operations: Operations,
        lease: Lease,
        clock: Clock,
        most_gpus: Callable[[], Awaitable[float | None]],
        fetcher: Fetcher,
        newest_configs: Callable[[], Awaitable[Mapping[str, int]]],
        vault: EnvironmentVault,
    ) -> None:
        self._database = database
        self._engine = engine
        self._memory = memory
        self._operations = operations
        self._lease = lease
        self._clock = clock
        self._most_gpus = most_gpus
        self._fetcher = fetcher
        self._newest_configs = newest_configs
        self._vault = vault
        self._remembered = False

    async def step(self) -> None:
        """Look once, and act once."""
        began = self._clock.monotonic()
        self._memory.observation = await self._engine.observe()
        # Read before the rows: what begins later is judged by the next step, with its own row.
        operations = await self._operations.open("deployment")
        rows = await self._load()
        if any(row.spec.get("config") for row in rows):
            self._memory.newest_configs = await self._newest_configs()
        if await self._fetcher.step(rows, acts=self._lease.is_mine):
            rows = await self._load()
        if self._memory.is_settled():
            if self._lease.is_mine:
                rows = await self._act(rows, operations)
            else:
                for row in rows:
                    self._look(row)
                    self._memory.watch_of(row).told()
        for row in rows:
            self._memory.renew(row)
            await asyncio.sleep(0)
        self._memory.board.prune(self._memory.observation, began)

    async def _load(self) -> Sequence[DeploymentRow]:
        async with self._database.read() as session:
            rows = await self._rows(session)
            if not self._remembered:
                await self._remember(session, rows)
        for gone in self._memory.load(rows):
            self._memory.forget(gone)
        return rows

    async def _rows(self, session: AsyncSession) -> Sequence[DeploymentRow]:
        """Return every row, reading only those that are not known in their present version."""
        known = self._memory.rows
        keys = await store.all_keys(session)
        held = {k.uid: known[k.uid] for k in keys if _holds(known, k)}
        read = await store.by_uids(session, [k.uid for k in keys if k.uid not in held])
        rows = {**held, **read}
        return [rows[k.uid] for k in keys if k.uid in rows]

    async def _remember(self, session: AsyncSession, rows: Sequence[DeploymentRow]) -> None:
        """After a start: since when each phase lasts, and how long starts took."""
        phases = await store.last_phases(session)
        for row in rows:
            if event := phases.get(row.uid):
                self._memory.watch_of(row).resume(event.phase, event.at)
        for start in reversed(await store.recent_starts(session, _STARTS_READ)):
            self._memory.history.add(start.uid, start.model, start.phases)
        self._remembered = True

    async def _act(
        self, rows: Sequence[DeploymentRow], operations: Sequence[Operation]
    ) -> Sequence[DeploymentRow]:
        changed = False
        for row in rows:
            changed |= await self._advance(row)
            await asyncio.sleep(0)  # many rows must not hold up the requests between them
        if changed:
            rows = await self._load()
        await self._converge(rows)
        await self._settle(operations, rows)
        return rows

    def _look(self, row: DeploymentRow) -> Assessment:
        assessment = self._memory.assess(row)
        moment = self._memory.moment()
        self._memory.watch_of(row).look(assessment, moment.now, moment.at)
        return assessment

    async def _advance(self, row: DeploymentRow) -> bool:
        """Take one row further; return whether the database was changed."""
        memory = self._memory
        wanted = memory.wanted(row)
        assessment = self._look(row)
        watch = memory.watch_of(row)
        phase_changed = watch.has_news
        now = self._clock.monotonic()
        reports = memory.board.of(row.uid)
        setback, told = find_setback(wanted, memory.observation, reports, watch.decided, now)
        late = overdue(assessment, now - watch.since, memory.policy)
        if setback is None and late is not None:
            setback = Setback(late, was_ready=False)
        decision = decide(wanted, assessment, setback, watch.ready_seconds(now), memory.policy)
        started = assessment.phase == "ready" and not watch.start_recorded
        if decision.kind == "keep" and not phase_changed and not started:
            return False
        problem = await self._explain(row, decision)
        if not await self._write(row, decision, assessment, phase_changed, problem):
            return False
        watch.told()
        watch.decided |= told
        watch.start_recorded |= started
        if decision.kind == "retry":
            watch.retry_at = now + decision.wait_seconds
        elif decision.kind == "resume":
            watch.retry_at = None
        return decision.kind != "keep"

    async def _write(
        self,
        row: DeploymentRow,
        decision: Decision,
        assessment: Assessment,
        phase_changed: bool,
        problem: ProblemDetails | None,
    ) -> bool:
        """Write a decision and what led to it in one transaction, if the row is still as read."""
        async with self._database.unit_of_work() as session:
            if not await self._lease.is_still_mine(session):
                return False
            if decision.kind == "remove":
                return await store.guarded_delete(session, row.uid, row.version)
            values = {**_values(row, decision, problem), **self._measured(row, assessment)}
            if values and not await store.guarded_write(session, row.uid, row.version, values):
                return False
            if problem is not None:
                session.add(self._event(row, "error", None, problem.detail, problem))
            if phase_changed:
                text = assessment.reason or f"Now {assessment.phase}."
                session.add(self._event(row, "phase", assessment.phase, text, None))
            if assessment.phase == "ready":
                self._record_start(session, row, assessment)
        return True

    def _measured(self, row: DeploymentRow, assessment: Assessment) -> Mapping[str, Any]:
        """Return what the engine of a start that is ready now said of its memory."""
        lead = assessment.lead
        new = assessment.phase == "ready" and not self._memory.watch_of(row).start_recorded
        said = dict(lead.memory) if new and lead is not None and lead.memory else None
        return {"measured": said} if said is not None and said != row.measured else {}

    async def _explain(self, row: DeploymentRow, decision: Decision) -> ProblemDetails | None:
        """Say why a start failed; asks the cluster what there is, so never within a session."""
        if decision.failure is None:
            return None
        memory = self._memory
        reports = {other.name: memory.board.of(other.uid) for other in memory.rows.values()}
        around = circumstances(row, reports, await self._most_gpus())
        given_up = decision.kind == "give_up"
        log.warning("%s: %s: %s", row.name, decision.kind, decision.failure.detail)
        failures = decision.failures
        return explain(decision.failure, row.name, around, given_up=given_up, failures=failures)

    def _event(
        self,
        row: DeploymentRow,
        kind: str,
        phase: str | None,
        message: str,
        problem: ProblemDetails | None,
    ) -> EventRow:
        return EventRow(
            id=new_id("evt"),
            uid=row.uid,
            at=self._clock.now(),
            kind=kind,
            phase=phase,
            message=message,
            problem=problem.model_dump(mode="json") if problem else None,
        )

    def _record_start(
        self, session: AsyncSession, row: DeploymentRow, assessment: Assessment
    ) -> None:
        """Keep the times of a start that was seen from its beginning."""
        watch = self._memory.watch_of(row)
        if watch.start_recorded or not watch.from_start or not watch.measured:
            return
        lead = assessment.lead
        phases = [{"phase": phase, "seconds": seconds} for phase, seconds in watch.measured]
        model = row.spec["model"]
        session.add(
            StartRow(
                id=new_id("sta"),
                uid=row.uid,
                model=model,
                how=lead.how if lead else None,
                at=self._clock.now(),
                seconds=total_seconds(watch.measured),
                phases=phases,
            )
        )
        self._memory.history.add(row.uid, model, phases)
        self._memory.starts.add(lead.how if lead else None, watch.measured)

    async def _converge(self, rows: Sequence[DeploymentRow]) -> None:
        wanted = [self._memory.wanted(row) for row in rows]
        observation = self._memory.observation
        if not must_converge(wanted, observation) or not await self._is_leader():
            return
        launched = {w.identity.uid for w in wanted if w.is_launched}
        most_gpus = await self._most_gpus()
        if most_gpus is None:
            log.warning("Ray does not say what its nodes have; nothing is started without knowing")
            return
        launches = list(self._launches([r for r in rows if r.uid in launched], most_gpus > 0))
        try:
            await self._engine.converge(launches, observation)
        except EngineUnavailableError as error:
            log.warning("the set of deployments was not taken and will be sent again: %s", error)

    def _launches(self, rows: Sequence[DeploymentRow], has_gpus: bool) -> Iterator[Launch]:
        """Yield what is to run. What can't be given its secrets is left out: it would fail."""
        for row in rows:
            try:
                yield _launch(row, has_gpus, self._vault)
            except Problem as problem:
                log.error("%s is not started: %s", row.name, problem.details.detail)

    async def _is_leader(self) -> bool:
        """Ask the database, so that one who was asleep for a while sends nothing."""
        async with self._database.read() as session:
            return await self._lease.is_still_mine(session)

    async def _settle(self, operations: Sequence[Operation], rows: Sequence[DeploymentRow]) -> None:
        by_name = {row.name: row for row in rows}
        await self._operations.settle(
            {o.id: self._outcome(o, by_name.get(o.subject)) for o in operations}
        )

    def _outcome(self, operation: Operation, row: DeploymentRow | None) -> Outcome:
        if row is None:
            deleted = operation.kind == "deployment.delete"
            return Outcome("succeeded", "Deleted.", 1.0) if deleted else Outcome("cancelled")
        wanted, assessment = self._memory.wanted(row), self._memory.assess(row)
        if wanted.desired == "stopped" and assessment.phase == "stopped":
            return Outcome("succeeded", "Stopped.", 1.0)
        if wanted.desired == "running" and assessment.phase == "ready":
            return Outcome("succeeded", "Ready: a token was generated.", 1.0)
        if wanted.given_up:
            error = ProblemDetails.model_validate(row.last_error) if row.last_error else None
            return Outcome("failed", wanted.error, None, error)
        progress = assessment.lead.progress if assessment.lead else None
        if assessment.fetch is not None:
            progress = assessment.fetch.share
        message = f"{assessment.phase.capitalize()}. {assessment.reason or ''}".strip()
        return Outcome("running", message, progress)


def _holds(known: Mapping[str, DeploymentRow], key: store.Key) -> bool:
    row = known.get(key.uid)
    return row is not None and row.version == key.version


def _values(
    row: DeploymentRow, decision: Decision, problem: ProblemDetails | None
) -> Mapping[str, Any]:
    error = problem.model_dump(mode="json") if problem else None
    match decision.kind:
        case "note":
            return {"failures": decision.failures, "last_error": error}
        case "retry":
            return {
                "failures": decision.failures,
                "last_error": error,
                "backing_off": True,
                "attempt": row.attempt + 1,
            }
        case "resume":
            return {"backing_off": False}
        case "give_up":
            return {"failures": decision.failures, "last_error": error, "given_up": True}
        case "recover":
            return {"failures": 0, "last_error": None}
        case _:
            return {}


def _launch(row: DeploymentRow, has_gpus: bool, vault: EnvironmentVault) -> Launch:
    applied = row.applied or {}
    spec = DeploymentSpec.model_validate(applied["spec"])
    resources = spec.resources
    parallel = resources.tensor_parallel_size * resources.pipeline_parallel_size
    return Launch(
        name=row.name,
        identity=identity_of(row),
        model=applied.get("folder", spec.model),
        revision=None if "folder" in applied else spec.revision,
        engine=spec.engine,
        arguments=tuple(applied["words"]),
        environment=tuple(sorted(vault.opened(spec.environment).items())),
        replicas=row.spec["replicas"],
        cpus=resources.cpus,
        gpus=resources.gpus if resources.gpus is not None else (parallel if has_gpus else 0),
        tensor_parallel_size=resources.tensor_parallel_size,
        pipeline_parallel_size=resources.pipeline_parallel_size,
        trusted_code=bool(applied.get("trusted")),
    )
