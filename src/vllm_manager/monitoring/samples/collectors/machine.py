"""This machine and its GPUs, by the hardware's snapshot that others share: none is read twice."""

import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

import psutil

from vllm_manager.hardware import Gpu, HardwareSnapshot
from vllm_manager.monitoring.samples.collectors.growth import Growth
from vllm_manager.monitoring.samples.figures import Labels
from vllm_manager.monitoring.samples.reading import Sample

_NETWORKS = Path("/sys/class/net")

T = TypeVar("T")
Found = tuple[str, float | None]


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
    received_bytes: Mapping[str, int] | None
    """By network card."""
    sent_bytes: Mapping[str, int] | None


def system_counters() -> Counters:
    """Return the counters of this machine's processors, disks and network cards."""
    times = psutil.cpu_times()
    waiting = getattr(times, "iowait", 0.0)
    # A guest's time is part of the user's already.
    total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
    disks = psutil.disk_io_counters()
    networks = cards(psutil.net_io_counters(pernic=True))
    return Counters(
        busy_seconds=total - times.idle - waiting,
        total_seconds=total,
        disk_read_bytes=disks.read_bytes if disks else None,
        disk_written_bytes=disks.write_bytes if disks else None,
        received_bytes={n: c.bytes_recv for n, c in networks.items()} or None,
        sent_bytes={n: c.bytes_sent for n, c in networks.items()} or None,
    )


def cards(networks: Mapping[str, T], folder: Path = _NETWORKS) -> Mapping[str, T]:
    """Return the physical cards of all networks; where none is (a container), all but loopback.

    What goes through a card goes through bridges and pairs of virtual ones again.
    """
    physical = {n: seen for n, seen in networks.items() if (folder / n / "device").exists()}
    return physical or {n: seen for n, seen in networks.items() if not n.startswith("lo")}


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
        self._received, self._sent = Growth[str](), Growth[str]()

    async def collect(self) -> Sequence[Sample]:
        """Return what is known now."""
        snapshot = await self._hardware.snapshot()
        now, before = self._read_counters(), self._before
        self._before = now
        found = [*_counted(now, before), *self._networks(now), *_memory(snapshot)]
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

    def _networks(self, now: Counters) -> Iterator[Found]:
        if now.received_bytes is not None:
            yield "node_network_received_bytes_total", self._received.add(now.received_bytes)
        if now.sent_bytes is not None:
            yield "node_network_sent_bytes_total", self._sent.add(now.sent_bytes)


def _counted(now: Counters, before: Counters | None) -> Iterator[Found]:
    yield "node_disk_read_bytes_total", now.disk_read_bytes
    yield "node_disk_written_bytes_total", now.disk_written_bytes
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
