"""Puts the room together: service, reconciler and lease, from settings and what lies below."""

import socket
from collections.abc import Callable, Collection
from dataclasses import dataclass

from vllm_manager.cluster import Cluster
from vllm_manager.configs import EngineArguments
from vllm_manager.db import Database, Lease
from vllm_manager.deployments.checks import Checks
from vllm_manager.deployments.engine import Engine
from vllm_manager.deployments.fetching import Fetcher
from vllm_manager.deployments.gpus import GpuWatch, Machine
from vllm_manager.deployments.logs import LogStore
from vllm_manager.deployments.memory import Memory
from vllm_manager.deployments.models import Models
from vllm_manager.deployments.plan import Policy
from vllm_manager.deployments.planning import Planning
from vllm_manager.deployments.queueing import Queueing
from vllm_manager.deployments.reconciler import Reconciler
from vllm_manager.deployments.service import Deployments
from vllm_manager.hardware import GpuUse
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.loops import Loop
from vllm_manager.kit.process import own_identity
from vllm_manager.kit.topics import Hub
from vllm_manager.operations import Operations
from vllm_manager.settings import Settings

_PERIOD_SECONDS = 1.0
_GPUS_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Below:
    """Whom this room asks."""

    cluster: Cluster
    operations: Operations
    arguments: EngineArguments
    planning: Planning
    models: Models
    hardware: Machine


@dataclass(frozen=True, slots=True)
class DeploymentsRoom:
    """The service to call, and the loops to run beside it."""

    service: Deployments
    lease: Lease
    loops: tuple[Loop, ...]
    nudge: Callable[[], None]
    """Makes the next look at everything begin at once."""
    gpus: GpuWatch

    def engine_pids(self) -> Collection[int]:
        """Return the processes of this machine's engines."""
        return self.service.engine_pids()

    def gpu_uses(self) -> Collection[GpuUse]:
        """Return which deployment was given which GPU of this machine."""
        return self.gpus.uses()

    async def start(self) -> None:
        """Take the lease if it is free, and begin to reconcile."""
        await self.lease.hold()
        for loop in self.loops:
            loop.start()

    async def stop(self) -> None:
        """End the loops and give the lease up."""
        for loop in self.loops:
            await loop.stop()
        await self.lease.release()


def build(
    settings: Settings,
    database: Database,
    engine: Engine,
    below: Below,
    hub: Hub,
    clock: Clock,
) -> DeploymentsRoom:
    """Return the room for these settings; nothing runs until its `start`."""
    memory = _memory(settings, hub, clock)
    lease = Lease(database, "reconciler", own_identity(), settings.lease_seconds, clock)
    planning = below.planning
    fetcher = Fetcher(database, memory, below.models, planning.vetting, lease)
    reconciler = Reconciler(
        database,
        engine,
        memory,
        below.operations,
        lease,
        clock,
        below.cluster.most_gpus,
        fetcher,
        planning.recipes.newest_versions,
        planning.vault,
    )
    reconcile = Loop("reconciler", reconciler.step, _PERIOD_SECONDS)
    gpus = GpuWatch(memory, below.hardware, socket.gethostname(), reconcile.nudge)
    service = Deployments(
        database,
        memory,
        below.operations,
        below.cluster,
        Checks(below.arguments, settings.ray_address is None, settings.fake_engine),
        planning,
        LogStore(settings.logs_dir / "engines", clock, settings.engine_log_bytes),
        hub,
        clock,
        reconcile.nudge,
    )

    async def hold() -> None:
        was_mine = lease.is_mine
        if await lease.hold() and not was_mine:
            reconcile.nudge()

    renew = Loop("lease", hold, settings.lease_seconds / 3)
    loops = (renew, reconcile, Loop("gpus", gpus.step, _GPUS_SECONDS))
    return DeploymentsRoom(service, lease, loops, reconcile.nudge, gpus)


def _memory(settings: Settings, hub: Hub, clock: Clock) -> Memory:
    queueing = Queueing(settings.max_queued_requests, settings.queue_wait_seconds)
    return Memory(hub, clock, _policy(settings), settings.silence_seconds, queueing)


def _policy(settings: Settings) -> Policy:
    return Policy(
        retry_attempts=settings.retry_attempts,
        retry_base_seconds=settings.retry_base_seconds,
        phase_deadline_seconds=settings.phase_deadline_seconds,
        start_deadline_seconds=settings.start_deadline_seconds,
    )
