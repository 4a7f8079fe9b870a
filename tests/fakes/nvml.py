"""A scripted NVML: pynvml's own constants and errors, and answers that a test chooses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import pynvml

GIB = 1024**3
NOT_SUPPORTED = pynvml.NVML_ERROR_NOT_SUPPORTED


class Raises:
    """An answer that is an error."""

    def __init__(self, code: int) -> None:
        self.code = code


@dataclass
class FakeGpu:
    """One GPU: by function, what it answers. What is left out is not supported."""

    answers: dict[str, Any]
    fault: int | None = None
    """With this error every question about the GPU is answered."""

    lanes: Sequence[tuple[int, str]] = ()
    """The active NVLink lanes: (kind of the far end, its bus id)."""

    instances: Sequence["FakeGpu"] = ()


@dataclass
class FakeNvml:
    """Stands in for the module `pynvml`."""

    gpus: list[FakeGpu]
    init_fault: int | None = None
    driver: str = "570.86.15"
    cuda: int = 12080
    names: dict[int, str] = field(default_factory=dict[int, str])
    level: int = pynvml.NVML_TOPOLOGY_HOSTBRIDGE
    inits: int = 0

    def __getattr__(self, name: str) -> Any:
        if name.startswith("nvmlDevice"):
            return partial(self._answer, name)
        return getattr(pynvml, name)

    def nvmlInit(self) -> None:
        self.inits += 1
        if self.init_fault is not None:
            raise pynvml.NVMLError(self.init_fault)

    def nvmlShutdown(self) -> None:
        return None

    def nvmlSystemGetDriverVersion(self) -> str:
        return self.driver

    def nvmlSystemGetCudaDriverVersion(self) -> int:
        return self.cuda

    def nvmlSystemGetProcessName(self, pid: int) -> str:
        if pid not in self.names:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)
        return self.names[pid]

    def nvmlDeviceGetCount(self) -> int:
        return len(self.gpus)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> FakeGpu:
        return self.gpus[index]

    def nvmlDeviceGetMaxMigDeviceCount(self, gpu: FakeGpu) -> int:
        return 7

    def nvmlDeviceGetMigDeviceHandleByIndex(self, gpu: FakeGpu, index: int) -> FakeGpu:
        if index >= len(gpu.instances):
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)
        return gpu.instances[index]

    def nvmlDeviceGetTopologyCommonAncestor(self, first: FakeGpu, second: FakeGpu) -> int:
        return self.level

    def nvmlDeviceGetNvLinkState(self, gpu: FakeGpu, lane: int) -> int:
        if lane >= len(gpu.lanes):
            raise pynvml.NVMLError(NOT_SUPPORTED if not gpu.lanes else 2)
        return 1

    def nvmlDeviceGetNvLinkRemoteDeviceType(self, gpu: FakeGpu, lane: int) -> int:
        return gpu.lanes[lane][0]

    def nvmlDeviceGetNvLinkRemotePciInfo(self, gpu: FakeGpu, lane: int) -> Any:
        return SimpleNamespace(busId=gpu.lanes[lane][1])

    def _answer(self, name: str, gpu: FakeGpu, *rest: Any) -> Any:
        if gpu.fault is not None:
            raise pynvml.NVMLError(gpu.fault)
        found: Any = gpu.answers.get(name, Raises(NOT_SUPPORTED))
        if isinstance(found, Mapping):
            found = cast(Mapping[Any, Any], found)[rest[0]]
        if isinstance(found, Raises):
            raise pynvml.NVMLError(found.code)
        return found


def memory(total: int, used: int) -> SimpleNamespace:
    return SimpleNamespace(total=total, used=used, free=total - used)


def process(pid: int, used: int | None, instance: int = 0xFFFFFFFF) -> SimpleNamespace:
    return SimpleNamespace(pid=pid, usedGpuMemory=used, gpuInstanceId=instance)


def datacenter(index: int, **more: Any) -> FakeGpu:
    """Return an H100 that knows everything."""
    answers: dict[str, Any] = {
        "nvmlDeviceGetUUID": f"GPU-{index}",
        "nvmlDeviceGetName": "NVIDIA H100 80GB HBM3",
        "nvmlDeviceGetMemoryInfo": memory(80 * GIB, 10 * GIB),
        "nvmlDeviceGetUtilizationRates": SimpleNamespace(gpu=93, memory=41),
        "nvmlDeviceGetCudaComputeCapability": (9, 0),
        "nvmlDeviceGetPciInfo": SimpleNamespace(busId=f"00000000:{index + 1:02X}:00.0"),
        "nvmlDeviceGetCurrPcieLinkGeneration": 5,
        "nvmlDeviceGetMaxPcieLinkGeneration": 5,
        "nvmlDeviceGetCurrPcieLinkWidth": 16,
        "nvmlDeviceGetMaxPcieLinkWidth": 16,
        "nvmlDeviceGetTemperature": 52,
        "nvmlDeviceGetPowerUsage": 412_345,
        "nvmlDeviceGetEnforcedPowerLimit": 700_000,
        "nvmlDeviceGetCurrentClocksEventReasons": 0x20 | 0x01,
        "nvmlDeviceGetClockInfo": {0: 1980, 2: 2619},
        "nvmlDeviceGetMaxClockInfo": {0: 1980, 2: 2619},
        "nvmlDeviceGetEccMode": [1, 1],
        "nvmlDeviceGetTotalEccErrors": {0: 7, 1: 0},
        "nvmlDeviceGetMigMode": [0, 0],
        "nvmlDeviceGetComputeRunningProcesses": [process(4720, 9 * GIB)],
        "nvmlDeviceGetGraphicsRunningProcesses": [],
    }
    lanes = more.pop("lanes", ())
    instances = more.pop("instances", ())
    return FakeGpu({**answers, **more}, lanes=lanes, instances=instances)
