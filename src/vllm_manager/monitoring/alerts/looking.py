"""Asks every room for the facts that the rules judge."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar

from vllm_manager.auth.keys import EndingKey
from vllm_manager.cluster import ClusterNode, RayStatus
from vllm_manager.deployments.schemas import Deployment
from vllm_manager.hardware import HardwareSnapshot
from vllm_manager.hardware.schemas import Disk, Gpu
from vllm_manager.kit.certificates import PairRefused, expires_at
from vllm_manager.kit.clock import Clock
from vllm_manager.monitoring.alerts.facts import (
    DeploymentFact,
    DiskFact,
    ExpiringKeys,
    Facts,
    GpuFact,
)
from vllm_manager.monitoring.alerts.room import Room
from vllm_manager.monitoring.samples import Board, Distribution

log = logging.getLogger(__name__)

_KEYS_WITHIN: Final = timedelta(days=7)
_SELDOM_SECONDS: Final = 60.0
_GPU_SECONDS: Final = 3600.0
"""A GPU of a node that is silent for longer is taken to be no part of the cluster any more."""
_OURS: Final = ("control-plane", "gateway", "steward")
"""Processes whose memory must not grow; engines' may, while they work."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Rooms:
    """Whom the rules are about: what each of them is asked."""

    deployments: Callable[[], Awaitable[Sequence[Deployment]]]
    machine: Callable[[], Awaitable[HardwareSnapshot]]
    ray: Callable[[], Awaitable[RayStatus]]
    nodes: Callable[[], Awaitable[Sequence[ClusterNode] | None]]
    keys: Callable[[timedelta], Awaitable[tuple[int, Sequence[EndingKey]]]]
    """How many keys end within that time, and those that do so first."""
    unfinished_audit_entries: Callable[[], int]
    board: Board
    gateway_workers: Callable[[], int]
    certificate: Path | None


class Looking:
    """Gathers facts. What can't be read is None; a room that fails hides no other."""

    def __init__(self, rooms: Rooms, clock: Clock) -> None:
        self._rooms = rooms
        self._clock = clock
        self._gpus_seen: dict[tuple[str, str], float] = {}
        """When a GPU of another node was told of last, by node and index."""
        self._seldom_at: float | None = None
        self._keys: tuple[int, Sequence[EndingKey]] | None = None
        self._certificate: datetime | None = None

    async def facts(self) -> Facts:
        """Look once."""
        rooms = self._rooms
        await self._look_seldom()
        views, machine, ray, nodes = await asyncio.gather(
            _known(rooms.deployments),
            _known(rooms.machine),
            _known(rooms.ray),
            _known(rooms.nodes),
        )
        return Facts(
            at=self._clock.now(),
            monotonic=self._clock.monotonic(),
            deployments=None if views is None else _deployments(views, rooms.board, nodes),
            gpus=self._with_others(_gpus(machine)),
            disks=None if machine is None else _disks(machine.disks),
            certificate_ends_at=self._certificate,
            has_certificate=rooms.certificate is not None,
            keys=_expiring(self._keys),
            knows_keys=self._keys is not None,
            process_bytes=_process_bytes(rooms.board),
            is_ray_up=None if ray is None else ray.state == "up",
            gateway_workers=rooms.gateway_workers(),
            unfinished_audit_entries=rooms.unfinished_audit_entries(),
        )

    def _with_others(self, own: Sequence[GpuFact] | None) -> Sequence[GpuFact] | None:
        """Return this machine's GPUs, and of other nodes those that they have told of lately."""
        now, board = self._clock.monotonic(), self._rooms.board
        here = socket.gethostname()
        up = {_place(labels): value for labels, value in _values(board, "gpu_up")}
        heat = {_place(labels): v for labels, v in _values(board, "gpu_temperature_celsius")}
        self._gpus_seen |= {place: now for place in up if place[0] != here}
        self._gpus_seen = {p: at for p, at in self._gpus_seen.items() if now - at < _GPU_SECONDS}
        if own is None:
            return None
        others = [_other_gpu(place, up.get(place), heat.get(place)) for place in self._gpus_seen]
        return [*own, *others]

    async def _look_seldom(self) -> None:
        """Look at what changes slowly and costs a query or a file."""
        now = self._clock.monotonic()
        if self._seldom_at is not None and now - self._seldom_at < _SELDOM_SECONDS:
            return
        self._seldom_at = now
        self._keys = await _known(lambda: self._rooms.keys(_KEYS_WITHIN))
        if self._rooms.certificate is not None:
            self._certificate = await asyncio.to_thread(_ends_at, self._rooms.certificate)


async def _known(ask: Callable[[], Awaitable[T]]) -> T | None:
    """Return what a room answers, None where it can't."""
    try:
        return await ask()
    except Exception:
        log.warning("Alerts: a room did not answer", exc_info=True)
        return None


def _ends_at(certificate: Path) -> datetime | None:
    try:
        return expires_at(certificate)
    except PairRefused as error:
        log.warning("%s", error)
        return None


def _deployments(
    views: Sequence[Deployment], board: Board, nodes: Sequence[ClusterNode] | None
) -> Sequence[DeploymentFact]:
    fullest: dict[str, float] = {}
    for labels, used in _values(board, "engine_kv_cache_usage_ratio"):
        name = labels["deployment"]
        fullest[name] = max(used, fullest.get(name, 0.0))
    room = None if nodes is None else Room(views, nodes)
    return [_deployment(view, fullest.get(view.name), room) for view in views]


def _deployment(
    view: Deployment, kv_cache_usage_ratio: float | None, room: Room | None
) -> DeploymentFact:
    metrics, seqs = view.metrics, view.spec.arguments.get("max_num_seqs")
    return DeploymentFact(
        name=view.name,
        phase=view.phase,
        reason=view.reason,
        error=view.last_error,
        kv_cache_usage_ratio=kv_cache_usage_ratio,
        requests_waiting=metrics.requests_waiting if metrics else None,
        attempt=view.attempt,
        is_wanted=view.desired == "running",
        requests_running=metrics.requests_running if metrics else None,
        replicas=view.replicas_desired,
        replicas_ready=view.replicas_ready,
        is_autoscaled=view.spec.autoscaling is not None,
        max_num_seqs=seqs if isinstance(seqs, int) else None,
        has_room_for_another=None if room is None else room.has_another(view.spec.resources),
    )


def _gpus(machine: HardwareSnapshot | None) -> Sequence[GpuFact] | None:
    """Return the GPUs; None where their probe failed, so that they may be there or not."""
    if machine is None:
        return None
    if not machine.gpus and any(p.probe == "nvidia" for p in machine.problems):
        return None
    return [_gpu(gpu) for gpu in machine.gpus]


def _gpu(gpu: Gpu) -> GpuFact:
    name = f"GPU {gpu.index}" + (f" ({gpu.name})" if gpu.name else "")
    return GpuFact(name, gpu.state, gpu.temperature_celsius, tuple(gpu.used_by))


def _place(labels: Mapping[str, str]) -> tuple[str, str]:
    return labels["node"], labels["gpu"]


def _other_gpu(place: tuple[str, str], up: float | None, celsius: float | None) -> GpuFact:
    state = "unknown" if up is None else "ok" if up else "lost"
    return GpuFact(f"GPU {place[1]} of {place[0]}", state, celsius)


def _disks(disks: Sequence[Disk]) -> Sequence[DiskFact]:
    return [DiskFact(disk.purpose, disk.path, disk.free_bytes, disk.total_bytes) for disk in disks]


def _expiring(found: tuple[int, Sequence[EndingKey]] | None) -> ExpiringKeys | None:
    if found is None or not found[1]:
        return None
    return ExpiringKeys(found[0], found[1])


def _process_bytes(board: Board) -> Mapping[str, int]:
    sizes = _values(board, "process_anonymous_bytes")
    return {
        labels["process"]: int(size)
        for labels, size in sizes
        if labels["process"].startswith(_OURS)
    }


def _values(board: Board, figure: str) -> Iterator[tuple[Mapping[str, str], float]]:
    """Yield the labels and values of every fresh sample of a figure."""
    for reading in board.fresh().values():
        for sample in reading.samples:
            if sample.figure == figure and not isinstance(sample.value, Distribution):
                yield dict(sample.labels), sample.value
