"""What is seen of deployments: by Ray, and by the replicas themselves (plain data, pure)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

from vllm_manager.kit.errors import ProblemDetails


@dataclass(frozen=True, slots=True)
class Identity:
    """Which launch of which deployment something belongs to."""

    uid: str
    generation: int
    attempt: int


@dataclass(frozen=True, slots=True)
class SeenReplica:
    """A replica as Ray lists it. Without a pid it has not been placed yet."""

    replica_id: str
    state: str
    node_id: str | None
    node_ip: str | None
    pid: int | None


@dataclass(frozen=True, slots=True)
class SeenApplication:
    """An application that runs under Ray Serve."""

    name: str
    identity: Identity | None
    """None where it was not made by this product."""
    replicas_target: int | None
    deploy_failed: bool
    deleting: bool
    cause: str
    """What Ray says of it, for people; empty where it says nothing."""
    replicas: tuple[SeenReplica, ...]
    config: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The application's own configuration, handed back unchanged to leave it alone."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One look at the whole engine cluster. If it is not reachable, nothing is known of it."""

    reachable: bool
    error: str | None = None
    prepared: bool = True
    """Whether the serving layer itself is up; if not, converging on anything starts it."""
    applications: Mapping[str, SeenApplication] = field(default_factory=dict[str, SeenApplication])


SettingValue = bool | int | float | str | None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an engine, or a try to start one, ended."""

    code: str
    detail: str
    evidence: str | None = None
    exit_code: int | None = None
    signal: int | None = None
    suggestion: tuple[str, SettingValue] | None = None
    """An engine argument and the value that would mend it; None: to be taken out."""
    alternatives: tuple[tuple[str, SettingValue], ...] = ()
    """Further ones, any of which would do as well."""
    tail: str | None = None
    """The engine's last lines, where no known cause fits them."""
    problem: ProblemDetails | None = None
    """What people are told, where somebody else has put it into words already."""


@dataclass(frozen=True, slots=True)
class HeldGpu:
    """A GPU that Ray gave to a replica. None: not known."""

    index: int | None
    uuid: str | None


FetchState = Literal["asked", "queued", "running", "verifying", "paused", "failed"]


@dataclass(frozen=True, slots=True)
class Fetch:
    """How far a model's files are that a deployment waits for."""

    state: FetchState
    """`asked`: it was not looked yet whether they are here."""
    message: str | None = None
    download_id: str | None = None
    bytes_done: int | None = None
    bytes_total: int | None = None
    bytes_per_second: float | None = None
    eta_seconds: float | None = None
    stalled: bool = False
    failure: Failure | None = None

    @property
    def share(self) -> float | None:
        """How much of it is here, 0 to 1."""
        if self.bytes_done is None or not self.bytes_total:
            return None
        return min(1.0, self.bytes_done / self.bytes_total)


class SeenHistogram(NamedTuple):
    """A histogram of an engine's, since it began: how many values were at most each bound."""

    bounds: tuple[float, ...]
    """Upper bounds, rising; the last is infinite."""
    counts: tuple[float, ...]
    """Cumulative: as many as bounds."""
    total: float
    """Sum of all values."""


@dataclass(frozen=True, slots=True)
class Report:
    """The last report of one incarnation of a replica, and when it came."""

    identity: Identity
    deployment: str
    replica_id: str
    incarnation: str
    phase: str
    phase_seconds: float
    idle_seconds: float
    received: float
    """Monotonic seconds of the control plane."""
    received_at: datetime
    progress: float | None = None
    message: str | None = None
    timeline: tuple[tuple[str, float], ...] = ()
    how: str | None = None
    how_reason: str | None = None
    failure: Failure | None = None
    max_model_len: int | None = None
    """Tokens that a prompt and its answer may have together, as the engine says."""
    metrics: Mapping[str, float | None] | None = None
    histograms: Mapping[str, SeenHistogram] = field(default_factory=dict[str, SeenHistogram])
    processes: Mapping[str, Mapping[str, float]] = field(
        default_factory=dict[str, Mapping[str, float]]
    )
    """What the engine's and the supervisor's processes take: figures by `engine`, `supervisor`."""
    memory: Mapping[str, int | None] | None = None
    """What the engine said of its memory; see `configs.fit.MemoryActual`."""
    endpoint: str | None = None
    secret: str | None = None
    node_id: str | None = None
    node_ip: str | None = None
    hostname: str | None = None
    gpus: tuple[HeldGpu, ...] | None = None
    supervisor_pid: int | None = None
    engine_pid: int | None = None
    was_ready: bool = False
    """Whether this incarnation was ready at some time."""

    def is_fresh(self, now: float, silence_seconds: float) -> bool:
        """Whether it was heard of recently enough for its state to be shown."""
        return now - self.received <= silence_seconds
