"""This node's machine, GPUs, disks and Ray's processes as figures, for control planes elsewhere."""

import contextlib
import importlib
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import psutil

from vllm_manager_engine.gpus import BINDINGS
from vllm_manager_engine.growth import Growth
from vllm_manager_engine.ray_processes import RayProcesses

_NETWORKS: Final = Path("/sys/class/net")
_SHARED_MEMORY: Final = Path("/dev/shm")
Values = dict[str, float]
_HEAT_POWER_HARDWARE = 0x20 | 0x40 | 0x04 | 0x80 | 0x08
"""Bits of nvml.h's `nvmlClocksEventReason…` that slow a GPU down."""


class Machine:
    """Read by `read`, in a thread: a driver may take its time. What is not known is left out."""

    def __init__(self, load: Callable[[], Any] | None = None) -> None:
        self._load = load or _nvml
        self._library: Any = None
        self._tried = False
        self._before: tuple[float, float] | None = None
        self._ray = RayProcesses()
        self._networks = {"received": Growth[str](), "sent": Growth[str]()}

    def read(self) -> dict[str, Any]:
        """Return `{"node": {figure: value}, "gpus": {index: {figure: value}}, "processes": …}`."""
        return {"node": self._node(), "gpus": self._gpus(), "processes": self._ray.read()}

    def _node(self) -> Values:
        memory = psutil.virtual_memory()
        found: Values = {
            "node_memory_total_bytes": memory.total,
            "node_memory_used_bytes": memory.total - memory.available,
        }
        disks = psutil.disk_io_counters()
        if disks is not None:
            found["node_disk_read_bytes_total"] = disks.read_bytes
            found["node_disk_written_bytes_total"] = disks.write_bytes
        networks = cards(psutil.net_io_counters(pernic=True))
        for name in ("received", "sent") if networks else ():
            field = {"received": "bytes_recv", "sent": "bytes_sent"}[name]
            counts = {card: getattr(seen, field) for card, seen in networks.items()}
            found[f"node_network_{name}_bytes_total"] = self._networks[name].add(counts)
        self._add_cpu(found)
        return found

    def _add_cpu(self, found: Values) -> None:
        times = psutil.cpu_times()
        guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
        total = sum(times) - guests  # a guest's time is part of the user's already
        busy = total - times.idle - getattr(times, "iowait", 0.0)
        before, self._before = self._before, (busy, total)
        if before is not None and total > before[1]:
            share = (busy - before[0]) / (total - before[1])
            found["node_cpu_ratio"] = min(1.0, max(0.0, share))

    def _gpus(self) -> Mapping[str, Values]:
        if not self._tried:
            self._tried = True
            self._library = self._load()
        library = self._library
        if library is None:
            return {}
        try:
            count: int = library.nvmlDeviceGetCount()
        except library.NVMLError:
            return {}
        return {str(index): _gpu(library, index) for index in range(count)}


def folders(models: str | None) -> Mapping[str, Path]:
    """Return the folders whose file systems matter on a node, by what they are for.

    `models` is where the control plane keeps them, which a node may have as well or not.
    """
    places = {
        "models": Path(models) if models else None,
        "home": Path.home(),
        "temporary": Path(tempfile.gettempdir()),
        "shared_memory": _SHARED_MEMORY,
    }
    return {purpose: place for purpose, place in places.items() if place is not None}


def disks(places: Mapping[str, Path]) -> dict[str, Values]:
    """Return how full the file system of each folder is that is there."""
    found: dict[str, Values] = {}
    for purpose, place in places.items():
        with contextlib.suppress(OSError):
            usage = shutil.disk_usage(place)
            found[purpose] = {
                "node_disk_free_bytes": usage.free,
                "node_disk_total_bytes": usage.total,
            }
    return found


def cards(networks: Mapping[str, Any], folder: Path = _NETWORKS) -> Mapping[str, Any]:
    """Return the physical cards of all networks; where none is (a container), all but loopback."""
    physical = {n: seen for n, seen in networks.items() if (folder / n / "device").exists()}
    return physical or {n: seen for n, seen in networks.items() if not n.startswith("lo")}


def _gpu(library: Any, index: int) -> Values:
    def ask(name: str, *rest: Any) -> Any:
        try:
            return getattr(library, name)(handle, *rest)
        except (library.NVMLError, AttributeError):
            return None

    try:
        handle = library.nvmlDeviceGetHandleByIndex(index)
        library.nvmlDeviceGetUUID(handle)
    except library.NVMLError:
        return {"gpu_up": 0.0}
    found: dict[str, float | None] = {"gpu_up": 1.0}
    rates, memory = ask("nvmlDeviceGetUtilizationRates"), ask("nvmlDeviceGetMemoryInfo")
    if rates is not None:
        found["gpu_utilization_ratio"] = rates.gpu / 100
    if memory is not None:
        found |= {"gpu_memory_used_bytes": memory.used, "gpu_memory_total_bytes": memory.total}
    for figure, name in (
        ("gpu_power_watts", "nvmlDeviceGetPowerUsage"),
        ("gpu_power_limit_watts", "nvmlDeviceGetEnforcedPowerLimit"),
    ):
        milliwatts = ask(name)
        found[figure] = None if milliwatts is None else milliwatts / 1000
    found["gpu_temperature_celsius"] = ask("nvmlDeviceGetTemperature", library.NVML_TEMPERATURE_GPU)
    reasons = ask("nvmlDeviceGetCurrentClocksThrottleReasons")
    if reasons is not None:
        found["gpu_throttled"] = float(bool(reasons & _HEAT_POWER_HARDWARE))
    found["gpu_ecc_uncorrected_total"] = ask(
        "nvmlDeviceGetTotalEccErrors",
        library.NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
        library.NVML_VOLATILE_ECC,
    )
    return {figure: value for figure, value in found.items() if value is not None}


def _nvml() -> Any:
    """Return the driver's library, ready to be asked; None where there is none."""
    for name in BINDINGS:
        try:
            library: Any = importlib.import_module(name)
        except ImportError:
            continue
        try:
            library.nvmlInit()
        except library.NVMLError:
            return None
        return library
    return None
