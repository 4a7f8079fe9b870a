"""The client's view of a deployment, put together from what is wanted and what is seen (pure)."""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from vllm_manager.configs import shown
from vllm_manager.configs.fit.comparison import compare
from vllm_manager.configs.fit.schemas import FitReport, MemoryActual
from vllm_manager.deployments.observed import Fetch, Observation, Report
from vllm_manager.deployments.plan import Policy
from vllm_manager.deployments.schemas import (
    ConfigUse,
    Deployment,
    DeploymentSpec,
    EngineMetrics,
    FetchView,
    Node,
    NodeGpu,
    Replica,
    ReplicaFailure,
    Suggestion,
    TimelineStep,
)
from vllm_manager.deployments.states import START_ORDER, Assessment, Desired, Phase, replica_phase
from vllm_manager.deployments.tables import DeploymentRow
from vllm_manager.deployments.watch import Watch
from vllm_manager.kit.errors import ProblemDetails

_STARTING: Final = frozenset(START_ORDER[:-1])
_LIVE_FIELDS: Final = {
    "start",
    "replicas",
    "max_concurrent_requests",
    "max_queued_requests",
    "queue_wait_seconds",
    "autoscaling",
    "config",
}
"""What acts without a restart."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One reading of both clocks."""

    now: float
    at: datetime


class History:
    """Earlier starts, from which the expected length of each phase is taken."""

    _PER_KEY: Final = 5

    def __init__(self) -> None:
        self._by_uid: dict[str, list[Mapping[str, float]]] = defaultdict(list)
        self._by_model: dict[str, list[Mapping[str, float]]] = defaultdict(list)

    def add(self, uid: str, model: str, phases: Iterable[Mapping[str, Any]]) -> None:
        """Take in a start; the newest five of each deployment and model count."""
        seconds = {str(step["phase"]): float(step["seconds"]) for step in phases}
        for starts in (self._by_uid[uid], self._by_model[model]):
            starts.append(seconds)
            del starts[: -self._PER_KEY]

    def expected(self, uid: str, model: str) -> Mapping[str, float]:
        """Return the median seconds per phase; empty where no start is known."""
        starts = self._by_uid.get(uid) or self._by_model.get(model) or []
        phases = {phase for start in starts for phase in start}
        return {
            phase: statistics.median(start[phase] for start in starts if phase in start)
            for phase in phases
        }


def differs_from_applied(spec: Mapping[str, Any], applied: Mapping[str, Any] | None) -> bool:
    """Whether a restart would change what runs."""
    if applied is None:
        return False
    return {k: v for k, v in spec.items() if k not in _LIVE_FIELDS} != {
        k: v for k, v in applied["spec"].items() if k not in _LIVE_FIELDS
    }


def desired_of(row: DeploymentRow) -> Desired:
    """Return the row's wish as its own type."""
    return (
        "deleted"
        if row.desired == "deleted"
        else ("stopped" if row.desired == "stopped" else "running")
    )


def deployment_view(
    row: DeploymentRow,
    watch: Watch,
    assessment: Assessment,
    history: History,
    policy: Policy,
    moment: Moment,
    newest_configs: Mapping[str, int],
) -> Deployment:
    """Return what a client sees of a deployment at `moment`."""
    spec = _shown_spec(row)
    lead = assessment.lead
    running = row.desired == "running"
    config = _config_use(spec, newest_configs)
    return Deployment(
        name=row.name,
        uid=row.uid,
        spec=spec,
        generation=row.generation,
        desired=desired_of(row),
        phase=assessment.phase,
        reason=assessment.reason,
        since=watch.since_at,
        last_progress_at=watch.progress_at,
        progress=_progress(assessment),
        log_line=lead.message if lead and assessment.phase in _STARTING else None,
        deadline_at=_deadline(assessment, watch, policy, moment),
        attempt=row.attempt,
        next_retry_at=_retry_at(row, watch, moment),
        stale=running and (differs_from_applied(row.spec, row.applied) or is_behind(config)),
        config=config,
        fetch=_fetch_view(assessment.fetch),
        **_memory(row, spec),
        degradations=list(assessment.degradations),
        last_error=ProblemDetails.model_validate(row.last_error) if row.last_error else None,
        replicas_desired=spec.replicas if running else 0,
        replicas_ready=len(assessment.ready),
        timeline=_timeline(assessment, watch, history.expected(row.uid, spec.model)),
        how=lead.how if lead else None,
        how_reason=lead.how_reason if lead else None,
        metrics=sum_metrics(assessment.ready),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _shown_spec(row: DeploymentRow) -> DeploymentSpec:
    """Return the spec without secret values, which nobody is shown."""
    spec = DeploymentSpec.model_validate(row.spec)
    environment = shown(spec.environment, with_values=True)
    return spec.model_copy(update={"environment": environment})


def without_values(data: dict[str, Any]) -> dict[str, Any]:
    """Return a deployment's view, as JSON, for those who may not change it."""
    spec = data["spec"]
    if not spec["environment"]:
        return data
    return {**data, "spec": {**spec, "environment": shown(spec["environment"], with_values=False)}}


def _memory(row: DeploymentRow, spec: DeploymentSpec) -> dict[str, Any]:
    """Return what was estimated, what the engine said, and how far the two are apart."""
    estimate = FitReport.model_validate(row.estimate) if row.estimate else None
    measured = MemoryActual.model_validate(row.measured) if row.measured else None
    comparison = None
    if estimate is not None and measured is not None:
        resources = spec.resources
        workers = resources.tensor_parallel_size * resources.pipeline_parallel_size
        comparison = compare(estimate, measured, workers)
    return {"estimate": estimate, "measured": measured, "comparison": comparison}


def is_behind(config: ConfigUse | None) -> bool:
    """Whether there is a newer version of a deployment's config."""
    return config is not None and (config.newest_version or 0) > config.version


def _config_use(spec: DeploymentSpec, newest: Mapping[str, int]) -> ConfigUse | None:
    used = spec.config
    if used is None:
        return None
    return ConfigUse(name=used.name, version=used.version, newest_version=newest.get(used.name))


def _progress(assessment: Assessment) -> float | None:
    if assessment.fetch is not None:
        return assessment.fetch.share
    lead = assessment.lead
    return lead.progress if lead and assessment.phase in _STARTING else None


def _fetch_view(fetch: Fetch | None) -> FetchView | None:
    if fetch is None or fetch.state == "asked":
        return None
    return FetchView(
        state=fetch.state,
        download_id=fetch.download_id,
        path=f"/api/v1/downloads/{fetch.download_id}" if fetch.download_id else None,
        bytes_done=fetch.bytes_done,
        bytes_total=fetch.bytes_total,
        bytes_per_second=fetch.bytes_per_second,
        eta_seconds=fetch.eta_seconds,
        stalled=fetch.stalled,
    )


def _deadline(
    assessment: Assessment, watch: Watch, policy: Policy, moment: Moment
) -> datetime | None:
    if assessment.phase == "scheduling":
        passed = moment.now - watch.since
    elif assessment.lead is not None and assessment.phase in _STARTING:
        passed = assessment.lead.idle_seconds + (moment.now - assessment.lead.received)
    else:
        return None
    return moment.at + timedelta(seconds=policy.phase_deadline_seconds - passed)


def _retry_at(row: DeploymentRow, watch: Watch, moment: Moment) -> datetime | None:
    if not row.backing_off or watch.retry_at is None:
        return None
    return moment.at + timedelta(seconds=max(0.0, watch.retry_at - moment.now))


def _timeline(
    assessment: Assessment, watch: Watch, expected: Mapping[str, float]
) -> list[TimelineStep]:
    measured = dict(watch.measured)
    if not measured:
        return []
    starting = assessment.phase in _STARTING
    current: Phase | None = assessment.phase if starting else None
    steps: list[TimelineStep] = []
    for phase in START_ORDER[:-1]:
        if phase in measured:
            state = "running" if phase == current else "done"
            seconds = round(measured[phase], 3)
        elif starting and phase in expected and _is_after(phase, current):
            state, seconds = "expected", None
        else:
            continue
        steps.append(
            TimelineStep(
                phase=phase, state=state, seconds=seconds, expected_seconds=expected.get(phase)
            )
        )
    return steps


def _is_after(phase: Phase, current: Phase | None) -> bool:
    return current is None or START_ORDER.index(phase) > START_ORDER.index(current)


def sum_metrics(ready: Sequence[Report]) -> EngineMetrics | None:
    """Return the sum over replicas (KV cache: the mean); null where none tells a figure."""
    told = [r.metrics for r in ready if r.metrics is not None]
    if not told:
        return None
    sums: dict[str, float | None] = {}
    for name in EngineMetrics.model_fields:
        figures = [f for metrics in told if (f := metrics.get(name)) is not None]
        mean = name.endswith("_ratio") and figures
        sums[name] = (sum(figures) / len(figures) if mean else sum(figures)) if figures else None
    return EngineMetrics(**sums)


def replica_views(
    name: str,
    observation: Observation,
    reports: Sequence[Report],
    moment: Moment,
    silence_seconds: float,
) -> list[Replica]:
    """Return every replica that Ray lists or that reported of late, by id."""
    app = observation.applications.get(name)
    seen = {r.replica_id: r for r in app.replicas} if app else {}
    newest = {r.replica_id: r for r in sorted(reports, key=lambda r: r.received)}
    views: list[Replica] = []
    for replica_id in sorted(seen.keys() | newest.keys()):
        replica, report = seen.get(replica_id), newest.get(replica_id)
        phase = replica_phase(replica, report, moment.now, silence_seconds)
        node = Node(id=replica and replica.node_id, ip=replica and replica.node_ip)
        if report is None:
            pid = replica.pid if replica else None
            views.append(Replica(replica_id=replica_id, node=node, phase=phase, supervisor_pid=pid))
            continue
        node = _node(report)
        views.append(
            Replica(
                replica_id=replica_id,
                node=node,
                phase=phase,
                reason=report.message,
                endpoint=report.endpoint,
                attempt=report.identity.attempt,
                supervisor_pid=report.supervisor_pid,
                engine_pid=report.engine_pid,
                reported_at=report.received_at,
                metrics=EngineMetrics(**report.metrics) if report.metrics else None,
                failure=_failure(report),
            )
        )
    return views


def _node(report: Report) -> Node:
    gpus = None
    if report.gpus is not None:
        gpus = [NodeGpu(index=gpu.index, uuid=gpu.uuid) for gpu in report.gpus]
    return Node(id=report.node_id, ip=report.node_ip, hostname=report.hostname, gpus=gpus)


def _failure(report: Report) -> ReplicaFailure | None:
    failure = report.failure
    if failure is None:
        return None
    return ReplicaFailure(
        code=failure.code,
        detail=failure.detail,
        evidence=failure.evidence,
        exit_code=failure.exit_code,
        signal=failure.signal,
        suggestion=Suggestion(argument=failure.suggestion[0], value=failure.suggestion[1])
        if failure.suggestion
        else None,
        alternatives=[Suggestion(argument=n, value=v) for n, v in failure.alternatives],
        tail=failure.tail,
    )
