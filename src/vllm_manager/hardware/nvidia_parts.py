"""What NVML tells of one GPU's parts: memory errors, instances, PCIe, processes."""

from collections.abc import Mapping
from typing import Any, Literal

from vllm_manager.hardware.nvml import Nvml
from vllm_manager.hardware.schemas import GpuEcc, GpuMig, GpuPcie, GpuProcess, MigInstance

_NO_INSTANCE = 0xFFFFFFFF
Throttle = Literal["heat", "power", "hardware"]
_THROTTLES: Mapping[Throttle, int] = {
    "heat": 0x20 | 0x40,  # by the driver, by the hardware
    "power": 0x04 | 0x80,  # its own limit, the supply's brake
    "hardware": 0x08,
}
"""Bits of nvml.h, `nvmlClocksEventReason…`; being idle or set to fixed clocks is none of them."""


def read_ecc(nvml: Nvml, handle: Any) -> GpuEcc | None:
    """Return the state of error correction; None on a GPU without it."""
    mode = nvml.ask("nvmlDeviceGetEccMode", handle)
    if mode is None:
        return None
    library = nvml.library
    counts: list[int | None] = [
        nvml.ask("nvmlDeviceGetTotalEccErrors", handle, kind, library.NVML_VOLATILE_ECC)
        for kind in (
            library.NVML_MEMORY_ERROR_TYPE_CORRECTED,
            library.NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
        )
    ]
    return GpuEcc(
        is_enabled=bool(mode[0]),
        is_enabled_after_reboot=bool(mode[1]),
        corrected_errors=counts[0],
        uncorrected_errors=counts[1],
    )


def read_throttling(nvml: Nvml, handle: Any) -> list[Throttle] | None:
    """Return what slows the GPU's clocks down now; None where it does not tell."""
    reasons = nvml.ask("nvmlDeviceGetCurrentClocksEventReasons", handle)
    if reasons is None:  # a driver older than the function's name
        reasons = nvml.ask("nvmlDeviceGetCurrentClocksThrottleReasons", handle)
    if reasons is None:
        return None
    return [cause for cause, bits in _THROTTLES.items() if reasons & bits]


def read_mig(nvml: Nvml, handle: Any) -> GpuMig | None:
    """Return the GPU's instances; None on a GPU that can't be split."""
    mode = nvml.ask("nvmlDeviceGetMigMode", handle)
    if mode is None:
        return None
    count = (nvml.ask("nvmlDeviceGetMaxMigDeviceCount", handle) or 0) if mode[0] else 0
    handles = [
        (index, nvml.ask("nvmlDeviceGetMigDeviceHandleByIndex", handle, index))
        for index in range(count)
    ]
    instances = [_instance(nvml, part, index) for index, part in handles if part is not None]
    return GpuMig(
        is_enabled=bool(mode[0]), is_enabled_after_reset=bool(mode[1]), instances=instances
    )


def _instance(nvml: Nvml, handle: Any, index: int) -> MigInstance:
    memory = nvml.ask("nvmlDeviceGetMemoryInfo", handle)
    name: str | None = nvml.ask("nvmlDeviceGetName", handle)
    return MigInstance(
        index=index,
        uuid=nvml.ask("nvmlDeviceGetUUID", handle),
        name=name.rpartition("MIG ")[2] if name else None,
        gpu_instance=nvml.ask("nvmlDeviceGetGpuInstanceId", handle),
        compute_instance=nvml.ask("nvmlDeviceGetComputeInstanceId", handle),
        memory_total_bytes=memory.total if memory else None,
        memory_used_bytes=memory.used if memory else None,
        memory_free_bytes=memory.free if memory else None,
    )


def read_pcie(nvml: Nvml, handle: Any) -> GpuPcie | None:
    """Return how the GPU is plugged in; None where it is not on PCIe."""
    place = nvml.ask("nvmlDeviceGetPciInfo", handle)
    if place is None:
        return None
    bus_id: str | bytes = place.busId
    return GpuPcie(
        bus_id=bus_id.decode() if isinstance(bus_id, bytes) else bus_id,
        generation=nvml.ask("nvmlDeviceGetCurrPcieLinkGeneration", handle),
        max_generation=nvml.ask("nvmlDeviceGetMaxPcieLinkGeneration", handle),
        width=nvml.ask("nvmlDeviceGetCurrPcieLinkWidth", handle),
        max_width=nvml.ask("nvmlDeviceGetMaxPcieLinkWidth", handle),
    )


def read_processes(nvml: Nvml, handle: Any) -> list[GpuProcess] | None:
    """Return every process on the GPU, once; None where the driver can't list them."""
    compute = nvml.ask("nvmlDeviceGetComputeRunningProcesses", handle)
    graphics = nvml.ask("nvmlDeviceGetGraphicsRunningProcesses", handle)
    if compute is None and graphics is None:
        return None
    # A process that computes and draws is in both lists, with the same memory.
    found: dict[tuple[int, int | None], int | None] = {}
    for process in (*(graphics or ()), *(compute or ())):
        instance: int | None = getattr(process, "gpuInstanceId", None)
        key = (process.pid, None if instance == _NO_INSTANCE else instance)
        found[key] = process.usedGpuMemory if process.usedGpuMemory is not None else found.get(key)
    return [
        GpuProcess(
            pid=pid,
            name=_name(nvml, pid),
            memory_used_bytes=memory,
            mig_gpu_instance=instance,
            ours=None,
        )
        for (pid, instance), memory in sorted(found.items(), key=lambda item: item[0][0])
    ]


def _name(nvml: Nvml, pid: int) -> str | None:
    name: str | bytes | None = nvml.ask("nvmlSystemGetProcessName", pid)
    return name.decode(errors="replace") if isinstance(name, bytes) else name
