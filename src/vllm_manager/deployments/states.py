"""The phases of a deployment, and which one it is in: derived from what is seen (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

from vllm_manager.deployments.observed import (
    Fetch,
    Identity,
    Observation,
    Report,
    SeenApplication,
    SeenReplica,
)

Phase = Literal[
    "stopped",
    "queued",
    "scheduling",
    "fetching",
    "starting",
    "loading",
    "compiling",
    "warming",
    "ready",
    "degraded",
    "unreachable",
    "stopping",
    "failed",
    "deleting",
]
Desired = Literal["running", "stopped", "deleted"]
ReplicaPhase = Literal[
    "scheduling",
    "fetching",
    "starting",
    "loading",
    "compiling",
    "warming",
    "ready",
    "degraded",
    "unreachable",
    "stopping",
    "failed",
]

START_ORDER: Final[tuple[Phase, ...]] = (
    "queued",
    "fetching",
    "scheduling",
    "starting",
    "loading",
    "compiling",
    "warming",
    "ready",
)
"""The way of a start; phases may be skipped, never walked backwards within one attempt."""

_STARTING: Final = frozenset(START_ORDER[1:-1])


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the database says of one deployment."""

    name: str
    identity: Identity
    desired: Desired
    replicas: int
    failures: int = 0
    given_up: bool = False
    backing_off: bool = False
    retry_in_seconds: float | None = None
    error: str | None = None
    fetch: Fetch | None = None
    """The files that it waits for; None where they are here, or are no matter of ours."""
    lost_gpus: tuple[str, ...] = ()
    """A sentence about each GPU that it was given and that is gone."""

    @property
    def is_pursued(self) -> bool:
        """Whether its start is being worked on, or it runs."""
        return self.desired == "running" and not self.given_up and not self.backing_off

    @property
    def is_launched(self) -> bool:
        """Whether it belongs into the set that the engine cluster is to run."""
        return self.is_pursued and self.fetch is None


@dataclass(frozen=True, slots=True)
class Assessment:
    """The phase of a deployment at one moment, and what proves it."""

    phase: Phase
    reason: str | None = None
    ready: tuple[Report, ...] = ()
    lead: Report | None = None
    """The replica that is furthest; its progress is the deployment's."""
    degradations: tuple[str, ...] = ()
    fetch: Fetch | None = None
    """The files that it waits for."""
    gone: bool = False
    """Nothing of it is left on the engine cluster."""


def assess(
    wanted: Wanted,
    observation: Observation,
    reports: Sequence[Report],
    now: float,
    silence_seconds: float,
) -> Assessment:
    """Say which phase a deployment is in.

    `reports` are those of this deployment, any generation; `now` is monotonic.
    """
    found = _assess(wanted, observation, reports, now, silence_seconds)
    lost = wanted.lost_gpus
    if not lost or wanted.desired != "running":
        return found
    found = replace(found, degradations=(*lost, *found.degradations))
    # Its engine may not have noticed yet. Whether it still answers is for its own checks to say.
    return replace(found, phase="degraded", reason=lost[0]) if found.phase == "ready" else found


def _assess(
    wanted: Wanted,
    observation: Observation,
    reports: Sequence[Report],
    now: float,
    silence_seconds: float,
) -> Assessment:
    app = observation.applications.get(wanted.name)
    if wanted.desired != "running":
        return _ending(wanted, observation, app)
    if wanted.given_up:
        return Assessment("failed", wanted.error)
    if wanted.backing_off:
        return Assessment("queued", _retry_reason(wanted))
    if wanted.fetch is not None:
        return _fetching(wanted.fetch)
    mine = [r for r in reports if r.identity == wanted.identity and r.phase != "failed"]
    heard = [r for r in mine if r.is_fresh(now, silence_seconds)]
    warnings = () if observation.reachable else (f"Ray does not answer: {observation.error}",)
    ready = tuple(r for r in heard if r.phase == "ready")
    if ready:
        return _serving(wanted, ready, warnings)
    if any(r.phase != "stopping" for r in heard):
        return _starting(heard, warnings)
    return _silent(wanted, observation, app, mine, now)


def _fetching(fetch: Fetch) -> Assessment:
    if fetch.state == "asked":
        return Assessment("queued", "About to look for the model's files.", fetch=fetch)
    return Assessment("fetching", fetch.message, fetch=fetch)


def _ending(wanted: Wanted, observation: Observation, app: SeenApplication | None) -> Assessment:
    deleting = wanted.desired == "deleted"
    never_ran = wanted.identity.generation == 0
    if not observation.reachable and not never_ran:
        reason = f"Ray does not answer, so it is not known what still runs: {observation.error}"
        return Assessment("deleting" if deleting else "stopping", reason)
    if app is None:
        return Assessment("deleting" if deleting else "stopped", gone=True)
    reason = "Requests under way are finished, then the engines are ended."
    return Assessment("deleting" if deleting else "stopping", reason)


def _retry_reason(wanted: Wanted) -> str:
    seconds = max(0, round(wanted.retry_in_seconds or 0))
    return f"Failed {wanted.failures} times; next try in {seconds} s. {wanted.error or ''}".strip()


def _serving(wanted: Wanted, ready: tuple[Report, ...], warnings: tuple[str, ...]) -> Assessment:
    if len(ready) >= wanted.replicas:
        return Assessment("ready", None, ready, ready[0], warnings)
    reason = f"{len(ready)} of {wanted.replicas} replicas are ready."
    return Assessment("degraded", reason, ready, ready[0], (reason, *warnings))


def _starting(heard: Sequence[Report], warnings: tuple[str, ...]) -> Assessment:
    lead = max(heard, key=_distance)
    phase: Phase = "degraded"
    if lead.phase in _STARTING:
        phase = START_ORDER[_distance(lead)]
    return Assessment(phase, lead.message, (), lead, warnings)


def _distance(report: Report) -> int:
    for index, phase in enumerate(START_ORDER):
        if phase == report.phase:
            return index
    return 0 if report.phase == "stopping" else 1


def _silent(
    wanted: Wanted,
    observation: Observation,
    app: SeenApplication | None,
    mine: Sequence[Report],
    now: float,
) -> Assessment:
    lost = [r for r in mine if r.phase != "stopping"]
    if not observation.reachable:
        if lost:
            return Assessment("unreachable", _silence(lost, now))
        return Assessment("queued", f"Ray does not answer: {observation.error}")
    if app is None or app.identity != wanted.identity or app.deleting:
        return Assessment("queued", "About to be handed to Ray.")
    if lost:
        return Assessment("unreachable", _silence(lost, now))
    if any(r.state == "RUNNING" for r in app.replicas):
        return Assessment("unreachable", "Ray says that it runs, but its replica has not reported.")
    if any(r.pid for r in app.replicas):
        return Assessment("scheduling", "The replica's process is starting.")
    return Assessment("scheduling", app.cause or "Ray is looking for a node with room.")


def _silence(lost: Sequence[Report], now: float) -> str:
    newest = max(lost, key=lambda r: r.received)
    gap = now - newest.received
    where = newest.hostname or newest.node_ip or "its node"
    return f"Replica {newest.replica_id} on {where} has not reported for {gap:.0f} s."


def replica_phase(
    seen: SeenReplica | None, report: Report | None, now: float, silence_seconds: float
) -> ReplicaPhase:
    """Say which phase one replica is in, from Ray's list and its own last report."""
    if report is None:
        return "unreachable" if seen is not None and seen.state == "RUNNING" else "scheduling"
    if report.phase != "failed" and not report.is_fresh(now, silence_seconds):
        return "unreachable"
    for phase in get_args(ReplicaPhase):
        if phase == report.phase:
            return phase
    return "unreachable"
