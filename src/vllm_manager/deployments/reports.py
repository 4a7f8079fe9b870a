"""Replicas' reports: their shape on the wire, and the newest of each incarnation in memory."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import inf
from typing import Annotated, Any, Self, cast

import msgspec
import orjson
from pydantic import AwareDatetime, BaseModel, Field, ValidationError, model_validator

from vllm_manager.configs.fit import MemoryActual
from vllm_manager.deployments.observed import (
    Failure,
    HeldGpu,
    Identity,
    Observation,
    Report,
    SeenHistogram,
)
from vllm_manager.deployments.schemas import EngineMetrics, Node, ReplicaFailure, Told
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.errors import FieldError, invalid

_FORGET_SECONDS = 300.0
_SETTLING_SECONDS = 3.0
"""A replica younger than this may be missing from an observation that is only a little old."""


MAX_LINES = 1000
_LONGEST_LINE = 65_536


@dataclass(slots=True)
class ReportedLine:
    """One line of the engine's output."""

    number: int
    at: Annotated[datetime, AwareDatetime, msgspec.Meta(tz=True)]
    text: Annotated[Told, Field(max_length=_LONGEST_LINE), msgspec.Meta(max_length=_LONGEST_LINE)]
    stream: str = "stdout"
    phase: str | None = None


class ReportedPhase(BaseModel):
    """A phase that is over, and how long it took."""

    phase: str
    seconds: float


class ReportedHistogram(BaseModel):
    """How many values were at most each bound, since the engine began. Null is infinity."""

    bounds: list[float | None] = Field(min_length=1, max_length=200)
    counts: list[float] = Field(max_length=200)
    total: float

    @model_validator(mode="after")
    def _match(self) -> Self:
        if len(self.bounds) != len(self.counts):
            raise ValueError("there must be a count for each bound")
        return self


class ReportBody(BaseModel):
    """The whole state of one replica; see docs/reference/protocols.md."""

    deployment: str
    uid: str
    generation: int
    attempt: int
    replica_id: str
    incarnation: str
    sequence: int
    node: Node = Field(default_factory=Node)
    supervisor_pid: int | None = None
    engine_pid: int | None = None
    endpoint: str | None = None
    secret: str | None = None
    phase: str
    phase_seconds: float
    idle_seconds: float
    progress: float | None = None
    message: Told | None = None
    timeline: list[ReportedPhase] = Field(default_factory=list[ReportedPhase])
    how: str | None = None
    how_reason: str | None = None
    failure: ReplicaFailure | None = None
    max_model_len: int | None = Field(default=None, ge=1)
    metrics: EngineMetrics | None = None
    histograms: dict[str, ReportedHistogram] = Field(
        default_factory=dict[str, ReportedHistogram], max_length=32
    )
    processes: dict[str, dict[str, float]] = Field(
        default_factory=dict[str, dict[str, float]], max_length=16
    )
    memory: MemoryActual | None = None
    log: list[ReportedLine] = Field(default_factory=list[ReportedLine], max_length=MAX_LINES)
    log_first: int = 1


def parse(raw: bytes) -> ReportBody:
    """Return the report in a request's body; its lines are as the engine wrote them.

    Lines come by the thousand a second, so they are read all at once and not one by one.

    Raises:
        Problem: it is none (422).
    """
    try:
        document: object = orjson.loads(raw)
        if not isinstance(document, dict):
            raise TypeError("a report is an object")
        members = cast("dict[str, Any]", document)
        lines = msgspec.convert(members.pop("log", []), list[ReportedLine])
        return ReportBody.model_validate({**members, "log": lines})
    except (ValueError, TypeError, ValidationError) as error:
        message = str(error).splitlines()[0]
        raise invalid([FieldError(field="body", message=message, suggestion=None)]) from error


class ReportAnswer(BaseModel):
    """The number of the log line that is wanted next."""

    log_next: int


class ReportBoard:
    """The newest report of each incarnation. Lost with the process, and whole again in seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sequences: dict[str, int] = {}
        self._reports: dict[str, Report] = {}

    def post(self, body: ReportBody) -> bool:
        """Keep a report; return whether the replica's phase changed. Late ones are ignored."""
        if body.sequence <= self._sequences.get(body.incarnation, -1):
            return False
        before = self._reports.get(body.incarnation)
        report = _to_report(body, self._clock, before)
        self._sequences[body.incarnation] = body.sequence
        self._reports[body.incarnation] = report
        return before is None or before.phase != report.phase or before.failure != report.failure

    def of(self, uid: str) -> Sequence[Report]:
        """Return the reports of one deployment, of any generation."""
        return [r for r in self._reports.values() if r.identity.uid == uid]

    def all(self) -> Sequence[Report]:
        """Return every report."""
        return list(self._reports.values())

    def engine_pids(self, hostname: str) -> frozenset[int]:
        """Return the engines' and supervisors' processes on one machine."""
        here = [r for r in self._reports.values() if r.hostname in (None, hostname)]
        pids = (pid for r in here for pid in (r.engine_pid, r.supervisor_pid))
        return frozenset(pid for pid in pids if pid is not None)

    def forget(self, incarnations: Iterable[str]) -> None:
        """Drop these incarnations."""
        for incarnation in incarnations:
            self._reports.pop(incarnation, None)
            self._sequences.pop(incarnation, None)

    def prune(self, observation: Observation, now: float) -> None:
        """Drop incarnations that are over: silent for minutes, or no longer listed by Ray.

        `now` is when the observation was asked for: what was decided since then saw them as lost.
        """
        listed = {
            replica.replica_id for a in observation.applications.values() for replica in a.replicas
        }
        gone = [
            r.incarnation
            for r in self._reports.values()
            if now - r.received > _FORGET_SECONDS
            or (
                observation.reachable
                and r.replica_id not in listed
                and now - r.received > _SETTLING_SECONDS
            )
        ]
        self.forget(gone)


def _to_report(body: ReportBody, clock: Clock, before: Report | None) -> Report:
    return Report(
        identity=Identity(body.uid, body.generation, body.attempt),
        deployment=body.deployment,
        replica_id=body.replica_id,
        incarnation=body.incarnation,
        phase=body.phase,
        phase_seconds=body.phase_seconds,
        idle_seconds=body.idle_seconds,
        received=clock.monotonic(),
        received_at=clock.now(),
        progress=body.progress,
        message=body.message,
        timeline=tuple((step.phase, step.seconds) for step in body.timeline),
        how=body.how,
        how_reason=body.how_reason,
        failure=_to_failure(body.failure) if body.failure else None,
        max_model_len=body.max_model_len,
        metrics=body.metrics.model_dump() if body.metrics else None,
        histograms={name: _to_histogram(h) for name, h in body.histograms.items()},
        processes=body.processes,
        memory=body.memory.model_dump() if body.memory else None,
        endpoint=body.endpoint,
        secret=body.secret,
        node_id=body.node.id,
        node_ip=body.node.ip,
        hostname=body.node.hostname,
        gpus=_to_gpus(body.node),
        supervisor_pid=body.supervisor_pid,
        engine_pid=body.engine_pid,
        was_ready=body.phase == "ready" or (before is not None and before.was_ready),
    )


def _to_histogram(told: ReportedHistogram) -> SeenHistogram:
    bounds = tuple(inf if bound is None else bound for bound in told.bounds)
    return SeenHistogram(bounds, tuple(told.counts), told.total)


def _to_gpus(node: Node) -> tuple[HeldGpu, ...] | None:
    return None if node.gpus is None else tuple(HeldGpu(g.index, g.uuid) for g in node.gpus)


def _to_failure(failure: ReplicaFailure) -> Failure:
    suggested = failure.suggestion
    return Failure(
        code=failure.code,
        detail=failure.detail,
        evidence=failure.evidence,
        exit_code=failure.exit_code,
        signal=failure.signal,
        suggestion=(suggested.argument, suggested.value) if suggested else None,
        alternatives=tuple((one.argument, one.value) for one in failure.alternatives),
        tail=failure.tail,
    )
