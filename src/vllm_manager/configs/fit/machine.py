"""The memory that there is: of GPUs or of the machine, with what others hold."""

from collections.abc import Sequence
from dataclasses import dataclass

from vllm_manager.configs.fit.schemas import DeviceKind, FitGpu, FitProcess, FitRequest
from vllm_manager.hardware import Gpu, HardwareSnapshot

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


@dataclass(frozen=True, slots=True)
class Machine:
    """The devices to choose from, most free first, and whether recurrent states are 32 bit.

    `imagined` ones are not here, but asked about.
    """

    kind: DeviceKind
    devices: tuple[Device, ...]
    wide_states: bool = False
    imagined: bool = False


def machine_of(question: FitRequest, snapshot: HardwareSnapshot) -> Machine:
    """Return the devices that a question is about: those asked for, or this machine's."""
    if question.device is not None:
        return Machine("gpu", _imagined(question.device), imagined=True)
    gpus = [gpu for gpu in snapshot.gpus if gpu.vendor == "nvidia" and gpu.state == "ok"]
    if question.resources.gpus or (gpus and question.resources.gpus is None):
        return Machine("gpu", _sorted([_gpu(gpu) for gpu in gpus]))
    return Machine("cpu", (_memory(snapshot),), wide_states=_has_wide_states(snapshot))


def _imagined(asked: FitGpu) -> tuple[Device, ...]:
    total, free = asked.memory_total_bytes, asked.memory_free_bytes
    free = max(0, total - _DRIVER_BYTES) if free is None else min(free, total)
    device = Device("gpu", None, asked.name, total, free, total - free)
    return (device,) * asked.count


def _gpu(gpu: Gpu) -> Device:
    others = tuple(
        FitProcess(pid=p.pid, name=p.name, memory_used_bytes=p.memory_used_bytes, ours=p.ours)
        for p in gpu.processes or ()
    )
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
