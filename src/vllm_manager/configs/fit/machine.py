"""The memory that there is: of GPUs or of the machine, with what others hold."""

from collections.abc import Sequence
from dataclasses import dataclass

from vllm_manager.configs.fit.schemas import DeviceKind, FitGpu, FitProcess, FitRequest
from vllm_manager.hardware import Gpu, GpuProcess, HardwareSnapshot, MigInstance

_DRIVER_BYTES = 512 * 1024**2
_WIDE_STATES = "avx512_bf16"


@dataclass(frozen=True, slots=True)
class Device:
    """One memory that a model may be put into. Unknown is None; sizes in bytes."""

    kind: DeviceKind
    index: int | None
    name: str | None
    total_bytes: int | None
    free_bytes: int | None
    others_bytes: int | None = None
    others: tuple[FitProcess, ...] = ()
    is_slice: bool = False
    """A MIG instance: a part of a GPU that is an engine's whole device."""


@dataclass(frozen=True, slots=True)
class Machine:
    """The devices to choose from, most free first, and whether recurrent states are 32 bit.

    `imagined` ones are not here, but asked about.
    """

    kind: DeviceKind
    devices: tuple[Device, ...]
    wide_states: bool = False
    imagined: bool = False

    @property
    def is_split(self) -> bool:
        """Whether some of it are slices of GPUs."""
        return any(device.is_slice for device in self.devices)


def machine_of(question: FitRequest, snapshot: HardwareSnapshot) -> Machine:
    """Return the devices that a question is about: those asked for, or this machine's."""
    if question.device is not None:
        return Machine("gpu", _imagined(question.device), imagined=True)
    gpus = [gpu for gpu in snapshot.gpus if gpu.vendor == "nvidia" and gpu.state == "ok"]
    if question.resources.gpus or (gpus and question.resources.gpus is None):
        return Machine("gpu", _sorted([d for gpu in gpus for d in _devices(gpu)]))
    return Machine("cpu", (_memory(snapshot),), wide_states=_has_wide_states(snapshot))


def _imagined(asked: FitGpu) -> tuple[Device, ...]:
    total, free = asked.memory_total_bytes, asked.memory_free_bytes
    free = max(0, total - _DRIVER_BYTES) if free is None else min(free, total)
    device = Device("gpu", None, asked.name, total, free, total - free)
    return (device,) * asked.count


def _devices(gpu: Gpu) -> Sequence[Device]:
    """Return what engines see of a GPU: itself, or its slices and no longer itself."""
    if gpu.mig is None or not gpu.mig.is_enabled:
        return (_gpu(gpu),)
    return [_slice(gpu, instance) for instance in gpu.mig.instances]


def _slice(gpu: Gpu, instance: MigInstance) -> Device:
    inside = [p for p in gpu.processes or () if p.mig_gpu_instance == instance.gpu_instance]
    total, free = instance.memory_total_bytes, instance.memory_free_bytes
    used = instance.memory_used_bytes
    if free is None and total is not None and used is not None:
        free = total - used
    name = " MIG ".join(filter(None, (gpu.name, instance.name))) or None
    return Device("gpu", gpu.index, name, total, free, used, _others(inside), is_slice=True)


def _others(processes: Sequence[GpuProcess]) -> tuple[FitProcess, ...]:
    return tuple(
        FitProcess(pid=p.pid, name=p.name, memory_used_bytes=p.memory_used_bytes, ours=p.ours)
        for p in processes
    )


def _gpu(gpu: Gpu) -> Device:
    others = _others(gpu.processes or ())
    used = gpu.memory_used_bytes
    if used is None and others and all(p.memory_used_bytes is not None for p in others):
        used = sum(p.memory_used_bytes or 0 for p in others)
    total, free = gpu.memory_total_bytes, gpu.memory_free_bytes
    if free is None and total is not None and used is not None:
        free = total - used
    return Device("gpu", gpu.index, gpu.name, total, free, used, others)


def _memory(snapshot: HardwareSnapshot) -> Device:
    memory = snapshot.host.memory
    total, free = memory.total_bytes, memory.available_bytes
    others = total - free if total is not None and free is not None else None
    return Device("cpu", None, snapshot.host.cpu.name, total, free, others)


def _sorted(devices: Sequence[Device]) -> tuple[Device, ...]:
    return tuple(sorted(devices, key=lambda d: -(d.free_bytes or 0)))


def _has_wide_states(snapshot: HardwareSnapshot) -> bool:
    return _WIDE_STATES in (snapshot.host.cpu.instruction_sets or ())
