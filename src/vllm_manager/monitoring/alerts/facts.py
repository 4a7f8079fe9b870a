"""What the rules look at: one look at the installation. None stands for what could not be read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from vllm_manager.auth.keys import EndingKey
from vllm_manager.kit.errors import ProblemDetails


class DeploymentFact(NamedTuple):
    """A deployment as it is shown."""

    name: str
    phase: str
    reason: str | None = None
    error: ProblemDetails | None = None
    kv_cache_usage_ratio: float | None = None
    """Of the fullest replica of those that tell."""
    requests_waiting: float | None = None
    attempt: int = 1
    is_wanted: bool = True
    """False: it is being stopped or deleted, or is."""
    requests_running: float | None = None
    """By all its replicas together."""
    replicas: int = 1
    """As many as are wanted."""
    replicas_ready: int = 0
    is_autoscaled: bool = False
    max_num_seqs: int | None = None
    """Where it is set: how many requests a replica works on at once."""
    has_room_for_another: bool | None = None
    """Whether the cluster is large enough for one more replica beside all that is wanted."""


class GpuFact(NamedTuple):
    """A GPU of this machine, or of another node that tells of itself."""

    name: str
    """As people call it: `GPU 0 (NVIDIA H100)`."""
    state: str
    """`ok`, `lost`, `failed`; `unknown`: its node is silent."""
    temperature_celsius: float | None = None
    used_by: tuple[str, ...] = ()


class DiskFact(NamedTuple):
    """A file system that the product keeps things on, here or on another node."""

    purpose: str
    """`models`, `home`, `temporary` or `shared_memory`."""
    path: str
    """Of another node, which tells no path: `models of gpu-b`."""
    free_bytes: int | None
    total_bytes: int | None


class ProcessName(NamedTuple):
    """Which process it is."""

    process: str
    """What it is: `control-plane`, `ray-raylet`, `engine`."""
    node: str | None = None
    """None: this machine."""
    deployment: str | None = None
    replica: str | None = None

    @property
    def words(self) -> str:
        """As people call it: `engine of chat (replica r1) on gpu-b`."""
        whose = f" of {self.deployment} (replica {self.replica})" if self.deployment else ""
        return f"{self.process}{whose}" + (f" on {self.node}" if self.node else "")


class ExpiringKeys(NamedTuple):
    """The keys in force that end soon."""

    how_many: int
    first: Sequence[EndingKey]
    """Those that end first, at least one."""


@dataclass(frozen=True, slots=True)
class Facts:
    """One look. What is None is unknown: nothing is concluded from it, in either direction."""

    at: datetime
    monotonic: float
    deployments: Sequence[DeploymentFact] | None = None
    gpus: Sequence[GpuFact] | None = None
    disks: Sequence[DiskFact] | None = None
    certificate_ends_at: datetime | None = None
    has_certificate: bool = False
    """Whether one is set, which may not be readable."""
    keys: ExpiringKeys | None = None
    """None also where no key ends soon; see `knows_keys`."""
    knows_keys: bool = False
    process_bytes: Mapping[ProcessName, int] = field(default_factory=dict[ProcessName, int])
    """Memory of its own (anonymous), by process."""
    is_ray_up: bool | None = None
    silent_nodes: Sequence[str] | None = None
    """Those that Ray counts as alive, and that tell nothing of themselves."""
    gateway_workers: int | None = None
    """Those that were heard within the last seconds."""
    unfinished_audit_entries: int = 0
