"""Questions to the estimate in tests: published configurations on machines that are made up."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from configs.fit import cases
from vllm_manager.cluster import ClusterNode
from vllm_manager.configs.fit.doubts import elsewhere
from vllm_manager.configs.fit.schemas import FitReport, FitRequest
from vllm_manager.configs.fit.service import judge
from vllm_manager.hardware import Gpu, GpuProcess, HardwareSnapshot, MigInstance
from vllm_manager.hardware.schemas import Cpu, GpuMig, Host, Memory

GIB = 1024**3
LLAMA_8B = {"BF16": 8_030_261_248}
LLAMA_70B = {"BF16": 68_976_648_192}
SMOLLM = {"BF16": 134_515_008}


@dataclass(frozen=True, slots=True)
class Facts:
    """What the catalog would say of a model."""

    config: Mapping[str, Any]
    parameters: Mapping[str, int] | None = None
    weights_bytes: int | None = None
    commit: str | None = "0123abc"


@dataclass(slots=True)
class Room:
    """A machine: memory in GiB, GPUs with their free memory in GiB, and who else is there."""

    memory: float | None = 64
    available: float | None = 56
    gpus: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    processes: list[GpuProcess] = field(default_factory=list[GpuProcess])
    slices: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    """MIG instances of each GPU, as the GPUs are told."""

    def snapshot(self) -> HardwareSnapshot:
        cpu = {**dict.fromkeys(Cpu.model_fields), "architecture": "x86_64", "name": "A CPU"}
        memory = {
            **dict.fromkeys(Memory.model_fields),
            "total_bytes": _bytes(self.memory),
            "available_bytes": _bytes(self.available),
            "is_unified": False,
        }
        return HardwareSnapshot(
            at=datetime(2026, 1, 1, tzinfo=UTC),
            platform="linux",
            host=Host(
                hostname="a",
                os_name=None,
                os_version=None,
                kernel_version=None,
                model=None,
                cpu=Cpu.model_validate(cpu),
                memory=Memory.model_validate(memory),
            ),
            driver=None,
            gpus=[self._gpu(index) for index in range(len(self.gpus))],
            gpu_links=[],
            disks=[],
            problems=[],
        )

    def _gpu(self, index: int) -> Gpu:
        total, free = (int(size * GIB) for size in self.gpus[index])
        slices = [_slice(place, *sizes) for place, sizes in enumerate(self.slices)]
        mig = GpuMig(is_enabled=True, is_enabled_after_reset=True, instances=slices)
        return Gpu.of(
            vendor="nvidia",
            index=index,
            name="A GPU",
            state="ok",
            memory_total_bytes=total,
            memory_free_bytes=free,
            memory_used_bytes=total - free,
            processes=self.processes,
            mig=mig if slices else None,
        )


def _slice(place: int, total: float, free: float) -> MigInstance:
    return MigInstance(
        index=place,
        uuid=f"MIG-{place}",
        name=f"{total:g}gb",
        gpu_instance=place + 1,
        compute_instance=0,
        memory_total_bytes=int(total * GIB),
        memory_used_bytes=int((total - free) * GIB),
        memory_free_bytes=int(free * GIB),
    )


def _bytes(gib: float | None) -> int | None:
    return None if gib is None else int(gib * GIB)


def config(model: str) -> dict[str, Any]:
    """Return a published configuration."""
    return json.loads((cases.HERE / "models" / f"{model}.json").read_text())


def ask(
    model: str,
    parameters: Mapping[str, int] | None,
    room: Room,
    *,
    weights_bytes: int | None = None,
    nodes: Sequence[ClusterNode] | None = None,
    **question: Any,
) -> FitReport:
    """Return the report on a published model; `question` is the rest of the request."""
    request = FitRequest.model_validate({"model": model, **question})
    facts = Facts(config(model), parameters, weights_bytes)
    return judge(request, facts, room.snapshot(), elsewhere(request, nodes, {"127.0.0.1", "a"}))
