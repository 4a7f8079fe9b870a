"""Asks every room for the facts that the rules judge."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
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
    ProcessName,
)
from vllm_manager.monitoring.alerts.room import Room
from vllm_manager.monitoring.samples import Board, Distribution, nodes_heard

log = logging.getLogger(__name__)

_KEYS_WITHIN: Final = timedelta(days=7)
_SELDOM_SECONDS: Final = 60.0
_SILENT_SECONDS: Final = 3600.0
"""A GPU or disk of a node that is silent for longer is taken to be no part of the cluster any more.
"""

T = TypeVar("T")
Place = tuple[str, str]
"""A node, and which of its parts."""


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


class Elsewhere:
    """What other nodes have told of lately: parts of theirs, by node and `label`."""

    def __init__(self, label: str, clock: Clock) -> None:
        self._label = label
        self._clock = clock
        self._here = socket.gethostname()
        self._seen: dict[Place, float] = {}

    def told(self, board: Board, figure: str) -> Mapping[Place, float]:
        """Return a figure's fresh values."""
        values = _values(board, figure)
        places = {(labels["node"], labels[self._label]): value for labels, value in values}
        return {place: value for place, value in places.items() if place[0] != self._here}

    def seen(self, told: Iterable[Place]) -> Iterable[Place]:
        """Note what was told of now, and return all that was within the last hour."""
        now = self._clock.monotonic()
        self._seen |= dict.fromkeys(told, now)
        self._seen = {p: at for p, at in self._seen.items() if now - at < _SILENT_SECONDS}
        return self._seen


class Looking:
    """Gathers facts. What can't be read is None; a room that fails hides no other."""

    def __init__(self, rooms: Rooms, clock: Clock) -> None:
        self._rooms = rooms
        self._clock = clock
        self._gpus = Elsewhere("gpu", clock)
        self._disks = Elsewhere("purpose", clock)
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
            gpus=self._with_other_gpus(_gpus(machine)),
            disks=self._with_other_disks(None if machine is None else _disks(machine.disks)),
            certificate_ends_at=self._certificate,
            has_certificate=rooms.certificate is not None,
            keys=_expiring(self._keys),
            knows_keys=self._keys is not None,
            process_bytes=_process_bytes(rooms.board),
            is_ray_up=None if ray is None else ray.state == "up",
            silent_nodes=None if nodes is None else _silent(nodes, rooms.board),
            gateway_workers=rooms.gateway_workers(),
            unfinished_audit_entries=rooms.unfinished_audit_entries(),
        )

    def _with_other_gpus(self, own: Sequence[GpuFact] | None) -> Sequence[GpuFact] | None:
        """Return this machine's GPUs, and of other nodes those that they have told of lately."""
        board = self._rooms.board
        up, heat = (
            self._gpus.told(board, "gpu_up"),
            self._gpus.told(board, "gpu_temperature_celsius"),
        )
        others = [
            _other_gpu(place, up.get(place), heat.get(place)) for place in self._gpus.seen(up)
        ]
        return None if own is None else [*own, *others]

    def _with_other_disks(self, own: Sequence[DiskFact] | None) -> Sequence[DiskFact] | None:
        """Return this machine's disks, and of other nodes those that they have told of lately."""
        board = self._rooms.board
        free = self._disks.told(board, "node_disk_free_bytes")
        total = self._disks.told(board, "node_disk_total_bytes")
        others = [
            _other_disk(place, free.get(place), total.get(place))
            for place in self._disks.seen(free)
        ]
        return None if own is None else [*own, *others]

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


def _other_gpu(place: Place, up: float | None, celsius: float | None) -> GpuFact:
    state = "unknown" if up is None else "ok" if up else "lost"
    return GpuFact(f"GPU {place[1]} of {place[0]}", state, celsius)


def _other_disk(place: Place, free: float | None, total: float | None) -> DiskFact:
    node, purpose = place
    whole = None if total is None else int(total)
    return DiskFact(purpose, f"{purpose} of {node}", None if free is None else int(free), whole)


def _disks(disks: Sequence[Disk]) -> Sequence[DiskFact]:
    return [DiskFact(disk.purpose, disk.path, disk.free_bytes, disk.total_bytes) for disk in disks]


def _expiring(found: tuple[int, Sequence[EndingKey]] | None) -> ExpiringKeys | None:
    if found is None or not found[1]:
        return None
    return ExpiringKeys(found[0], found[1])


def _process_bytes(board: Board) -> Mapping[ProcessName, int]:
    here = socket.gethostname()
    return {
        _process_name(labels, here): int(size)
        for labels, size in _values(board, "process_anonymous_bytes")
    }


def _process_name(labels: Mapping[str, str], here: str) -> ProcessName:
    node = None if labels["node"] == here else labels["node"]
    return ProcessName(labels["process"], node, labels.get("deployment"), labels.get("replica"))


def _silent(nodes: Sequence[ClusterNode], board: Board) -> Sequence[str]:
    alive = [node for node in nodes if node.state == "alive"]
    if len(alive) == 1:
        return ()  # it is the control plane's machine, which is read here
    told = nodes_heard(board)
    return [node.hostname or node.ip or node.id for node in alive if node.id not in told]


def _values(board: Board, figure: str) -> Iterator[tuple[Mapping[str, str], float]]:
    """Yield the labels and values of every fresh sample of a figure."""
    for reading in board.fresh().values():
        for sample in reading.samples:
            if sample.figure == figure and not isinstance(sample.value, Distribution):
                yield dict(sample.labels), sample.value
