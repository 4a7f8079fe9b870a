"""The probe of NVIDIA's GPUs, through NVML, or through nvidia-smi where NVML can't be loaded."""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from vllm_manager.hardware.nvidia_links import Node, link_between, nvlinks_of
from vllm_manager.hardware.nvidia_parts import (
    read_ecc,
    read_mig,
    read_pcie,
    read_processes,
    read_throttling,
)
from vllm_manager.hardware.nvml import GpuGone, Loader, Nvml, load_pynvml
from vllm_manager.hardware.probe import GpusFound, Probe, ProbeFailure
from vllm_manager.hardware.schemas import Gpu, GpuClocks, GpuDriver, ProbeProblem

_PCI = Path("sys/bus/pci/devices")


class NvidiaGpus:
    """Reads every NVIDIA GPU; each for itself, so that one that is gone hides no other."""

    name = "nvidia"

    def __init__(
        self,
        load: Loader = load_pynvml,
        otherwise: Probe[GpusFound] | None = None,
        root: Path = Path("/"),
    ) -> None:
        self._load = load
        self._otherwise = otherwise
        self._root = root
        self._nvml: Nvml | None = None

    def read(self) -> GpusFound:
        """Return the GPUs; none where the machine has none.

        Raises:
            ProbeFailure: there are some, but neither NVML nor nvidia-smi can be used.
        """
        self._nvml = self._nvml or Nvml(self._load())
        try:
            self._nvml.begin()
        except ProbeFailure as failure:
            if failure.code == "library_missing":
                return self._without_library(failure)
            raise
        try:
            return self._found(self._nvml)
        except GpuGone as gone:  # not one GPU, but the library itself
            self._nvml.end()
            raise ProbeFailure("nvml_failed", gone.detail) from gone

    def _without_library(self, failure: ProbeFailure) -> GpusFound:
        found = self._otherwise.read() if self._otherwise is not None else None
        if found is not None and (found.driver is not None or found.gpus):
            return found
        if not _has_card(self._root):
            return GpusFound()
        raise ProbeFailure(
            "driver_missing",
            f"There is an NVIDIA GPU, but no driver for it. {failure.detail} "
            "Install the driver; in a container, start it with the NVIDIA container toolkit.",
        ) from failure

    def _found(self, nvml: Nvml) -> GpusFound:
        gpus: list[Gpu] = []
        nodes: list[Node] = []
        problems: list[ProbeProblem] = []
        for index in range(nvml.call("nvmlDeviceGetCount")):
            try:
                gpu, node = self._gpu(nvml, index)
                nodes.append(node)
            except GpuGone as gone:
                gpu = self._gone(nvml, index, gone)
                detail = f"GPU {index}{f' ({gpu.name})' if gpu.name else ''}: {gone.detail}"
                problem = ProbeProblem(
                    probe=self.name, code=gone.code, detail=detail, gpu_index=index
                )
                problems.append(problem)
            gpus.append(gpu)
        links = [link_between(nvml, a, b) for a, b in combinations(nodes, 2)]
        return GpusFound(gpus, links, _driver(nvml), problems)

    def _gpu(self, nvml: Nvml, index: int) -> tuple[Gpu, Node]:
        handle = nvml.call("nvmlDeviceGetHandleByIndex", index)
        memory = nvml.ask("nvmlDeviceGetMemoryInfo", handle)
        rates = nvml.ask("nvmlDeviceGetUtilizationRates", handle)
        capability: Sequence[int] | None = nvml.ask("nvmlDeviceGetCudaComputeCapability", handle)
        pcie = read_pcie(nvml, handle)
        bus_id = pcie.bus_id if pcie else None
        gpu = Gpu(
            vendor="nvidia",
            index=index,
            uuid=_word(nvml.ask("nvmlDeviceGetUUID", handle)),
            name=_word(nvml.ask("nvmlDeviceGetName", handle)),
            state="ok",
            memory_total_bytes=memory.total if memory else None,
            memory_used_bytes=memory.used if memory else None,
            memory_free_bytes=memory.free if memory else None,
            # Without memory of their own (GB10, Jetson) they use the machine's; NVML can't say.
            is_memory_unified=False if memory else None,
            cores=None,
            compute_capability=".".join(map(str, capability)) if capability else None,
            utilization_percent=rates.gpu if rates else None,
            memory_utilization_percent=rates.memory if rates else None,
            temperature_celsius=nvml.ask(
                "nvmlDeviceGetTemperature", handle, nvml.library.NVML_TEMPERATURE_GPU
            ),
            power_watts=_watts(nvml.ask("nvmlDeviceGetPowerUsage", handle)),
            power_limit_watts=_watts(nvml.ask("nvmlDeviceGetEnforcedPowerLimit", handle)),
            throttled_by=read_throttling(nvml, handle),
            clocks=_clocks(nvml, handle),
            ecc=read_ecc(nvml, handle),
            mig=read_mig(nvml, handle),
            pcie=pcie,
            numa_node=_numa_node(self._root, bus_id),
            processes=read_processes(nvml, handle),
        )
        return gpu, Node(index, handle, bus_id, nvlinks_of(nvml, handle))

    def _gone(self, nvml: Nvml, index: int, gone: GpuGone) -> Gpu:
        """Return what is still known of a GPU that no longer answers: at most who it was."""
        known: dict[str, Any] = {}
        try:
            handle = nvml.call("nvmlDeviceGetHandleByIndex", index)
            known["uuid"] = _word(nvml.ask("nvmlDeviceGetUUID", handle))
            known["name"] = _word(nvml.ask("nvmlDeviceGetName", handle))
        except GpuGone:
            pass  # not even that
        return Gpu.of(vendor="nvidia", index=index, state=gone.state, **known)


def _driver(nvml: Nvml) -> GpuDriver:
    cuda: int | None = nvml.ask("nvmlSystemGetCudaDriverVersion")
    return GpuDriver(
        version=_word(nvml.ask("nvmlSystemGetDriverVersion")),
        cuda_version=f"{cuda // 1000}.{cuda % 1000 // 10}" if cuda else None,
        source="nvml",
    )


def _clocks(nvml: Nvml, handle: Any) -> GpuClocks | None:
    graphics, memory = nvml.library.NVML_CLOCK_GRAPHICS, nvml.library.NVML_CLOCK_MEM
    clocks = GpuClocks(
        graphics_mhz=nvml.ask("nvmlDeviceGetClockInfo", handle, graphics),
        memory_mhz=nvml.ask("nvmlDeviceGetClockInfo", handle, memory),
        graphics_max_mhz=nvml.ask("nvmlDeviceGetMaxClockInfo", handle, graphics),
        memory_max_mhz=nvml.ask("nvmlDeviceGetMaxClockInfo", handle, memory),
    )
    return clocks if any(mhz is not None for _, mhz in clocks) else None


def _numa_node(root: Path, bus_id: str | None) -> int | None:
    """Return the CPU's NUMA node that the GPU is plugged into, as the kernel tells it."""
    if bus_id is None:
        return None
    domain, _, rest = bus_id.lower().partition(":")
    try:
        node = int((root / _PCI / f"{domain[-4:]}:{rest}" / "numa_node").read_text())
    except (OSError, ValueError):
        return None
    return node if node >= 0 else None


def _has_card(root: Path) -> bool:
    """Whether an NVIDIA display or 3D controller is plugged in, whatever the driver says."""
    for device in (root / _PCI).glob("*"):
        try:
            vendor, kind = (device / "vendor").read_text(), (device / "class").read_text()
        except OSError:
            continue
        if vendor.strip() == "0x10de" and kind.startswith("0x03"):
            return True
    return False


def _word(value: str | bytes | None) -> str | None:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _watts(milliwatts: int | None) -> float | None:
    return milliwatts / 1000 if milliwatts is not None else None
