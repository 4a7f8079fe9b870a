"""This machine and its GPUs, by the hardware's snapshot that others share: none is read twice."""

import socket
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

import psutil

from vllm_manager.hardware import Gpu, HardwareSnapshot
from vllm_manager.monitoring.samples.figures import Labels
from vllm_manager.monitoring.samples.reading import Sample


class Hardware(Protocol):
    """What `hardware.Hardware` offers."""

    async def snapshot(self) -> HardwareSnapshot:
        """Return the machine as it is, at most 2 s old."""
        ...


class Counters(NamedTuple):
    """What the system has counted since it began. None: it does not say."""

    busy_seconds: float
    total_seconds: float
    disk_read_bytes: int | None
    disk_written_bytes: int | None
    received_bytes: int | None
    sent_bytes: int | None


def system_counters() -> Counters:
    """Return the counters of this machine's processors, disks and networks (without loopback)."""
    times = psutil.cpu_times()
    waiting = getattr(times, "iowait", 0.0)
    # A guest's time is part of the user's already.
    total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
    disks = psutil.disk_io_counters()
    networks = [
        counted
        for name, counted in psutil.net_io_counters(pernic=True).items()
        if not name.startswith("lo")
    ]
    return Counters(
        busy_seconds=total - times.idle - waiting,
        total_seconds=total,
        disk_read_bytes=disks.read_bytes if disks else None,
        disk_written_bytes=disks.write_bytes if disks else None,
        received_bytes=sum(n.bytes_recv for n in networks) if networks else None,
        sent_bytes=sum(n.bytes_sent for n in networks) if networks else None,
    )


class MachineCollector:
    """Processors, memory, disks, networks and GPUs of this machine."""

    name = "machine"

    def __init__(
        self,
        hardware: Hardware,
        read_counters: Callable[[], Counters] = system_counters,
        node: str | None = None,
    ) -> None:
        self._hardware = hardware
        self._read_counters = read_counters
        self._node = node or socket.gethostname()
        self._before: Counters | None = None

    async def collect(self) -> Sequence[Sample]:
        """Return what is known now."""
        snapshot = await self._hardware.snapshot()
        now, before = self._read_counters(), self._before
        self._before = now
        found = [*_counted(now, before), *_memory(snapshot)]
        node: Labels = (("node", self._node),)
        samples = [Sample(name, node, value) for name, value in found if value is not None]
        for disk in snapshot.disks:
            labels = (*node, ("purpose", disk.purpose))
            of_disk = (
                ("node_disk_free_bytes", disk.free_bytes),
                ("node_disk_total_bytes", disk.total_bytes),
            )
            samples += [Sample(n, labels, value) for n, value in of_disk if value is not None]
        for gpu in snapshot.gpus:
            labels = (*node, ("gpu", str(gpu.index)))
            samples += [Sample(n, labels, value) for n, value in _gpu(gpu) if value is not None]
        return samples


Found = tuple[str, float | None]


def _counted(now: Counters, before: Counters | None) -> Iterator[Found]:
    yield "node_disk_read_bytes_total", now.disk_read_bytes
    yield "node_disk_written_bytes_total", now.disk_written_bytes
    yield "node_network_received_bytes_total", now.received_bytes
    yield "node_network_sent_bytes_total", now.sent_bytes
    passed = now.total_seconds - before.total_seconds if before else 0.0
    if before is not None and passed > 0:
        busy = (now.busy_seconds - before.busy_seconds) / passed
        yield "node_cpu_ratio", min(1.0, max(0.0, busy))


def _memory(snapshot: HardwareSnapshot) -> Iterator[Found]:
    memory = snapshot.host.memory
    yield "node_memory_total_bytes", memory.total_bytes
    if memory.total_bytes is not None and memory.available_bytes is not None:
        yield "node_memory_used_bytes", memory.total_bytes - memory.available_bytes


def _gpu(gpu: Gpu) -> Iterator[Found]:
    yield "gpu_up", float(gpu.state == "ok")
    if gpu.utilization_percent is not None:
        yield "gpu_utilization_ratio", gpu.utilization_percent / 100
    yield "gpu_memory_used_bytes", gpu.memory_used_bytes
    yield "gpu_memory_total_bytes", gpu.memory_total_bytes
    yield "gpu_temperature_celsius", gpu.temperature_celsius
    yield "gpu_power_watts", gpu.power_watts
    yield "gpu_power_limit_watts", gpu.power_limit_watts
    if gpu.throttled_by is not None:
        yield "gpu_throttled", float(bool(gpu.throttled_by))
    if gpu.ecc is not None:
        yield "gpu_ecc_uncorrected_total", gpu.ecc.uncorrected_errors
