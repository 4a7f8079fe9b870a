"""NVIDIA's GPUs through NVML: everything it tells, nothing that it doesn't, each GPU for itself."""

from pathlib import Path
from typing import Any

import pynvml
import pytest

from fakes.nvml import GIB, FakeGpu, FakeNvml, Raises, datacenter, memory, process
from vllm_manager.hardware.nvidia import NvidiaGpus
from vllm_manager.hardware.probe import GpusFound, ProbeFailure
from vllm_manager.hardware.schemas import Gpu, GpuDriver


class Otherwise:
    """What is asked where NVML can't be loaded."""

    name = "nvidia"

    def __init__(self, found: GpusFound) -> None:
        self.found = found

    def read(self) -> GpusFound:
        return self.found


_H100: dict[str, Any] = {
    "vendor": "nvidia",
    "index": 0,
    "uuid": "GPU-0",
    "name": "NVIDIA H100 80GB HBM3",
    "state": "ok",
    "memory_total_bytes": 80 * GIB,
    "memory_used_bytes": 10 * GIB,
    "memory_free_bytes": 70 * GIB,
    "is_memory_unified": False,
    "cores": None,
    "compute_capability": "9.0",
    "utilization_percent": 93.0,
    "memory_utilization_percent": 41.0,
    "temperature_celsius": 52.0,
    "power_watts": 412.345,
    "power_limit_watts": 700.0,
    "throttled_by": ["heat"],
    "clocks": {
        "graphics_mhz": 1980,
        "memory_mhz": 2619,
        "graphics_max_mhz": 1980,
        "memory_max_mhz": 2619,
    },
    "ecc": {
        "is_enabled": True,
        "is_enabled_after_reboot": True,
        "corrected_errors": 7,
        "uncorrected_errors": 0,
    },
    "mig": {"is_enabled": False, "is_enabled_after_reset": False, "instances": []},
    "pcie": {
        "bus_id": "00000000:01:00.0",
        "generation": 5,
        "max_generation": 5,
        "width": 16,
        "max_width": 16,
    },
    "numa_node": 1,
    "processes": [
        {
            "pid": 4720,
            "name": "VLLM::EngineCore",
            "memory_used_bytes": 9 * GIB,
            "mig_gpu_instance": None,
            "ours": None,
        }
    ],
    "used_by": [],
}


def read(nvml: FakeNvml, root: Path = Path("/nowhere")) -> GpusFound:
    return NvidiaGpus(lambda: nvml, root=root).read()


def test_everything_that_nvml_knows_is_told(tmp_path: Path) -> None:
    node = tmp_path / "sys/bus/pci/devices/0000:01:00.0/numa_node"
    node.parent.mkdir(parents=True)
    node.write_text("1\n")
    found = read(FakeNvml([datacenter(0)], names={4720: "VLLM::EngineCore"}), tmp_path)
    (gpu,) = found.gpus
    assert gpu.model_dump() == _H100
    assert found.driver == GpuDriver(version="570.86.15", cuda_version="12.8", source="nvml")
    assert list(found.problems) == []


def test_what_nvml_says_is_not_supported_is_null() -> None:
    (gpu,) = read(FakeNvml([FakeGpu({"nvmlDeviceGetUUID": "GPU-x"})])).gpus
    known = {"vendor": "nvidia", "index": 0, "uuid": "GPU-x", "state": "ok"}
    nothing: dict[str, object] = {**dict.fromkeys(Gpu.model_fields), "used_by": []}
    assert gpu == Gpu.model_validate({**nothing, **known})


def test_a_function_that_an_older_driver_lacks_is_null() -> None:
    old = datacenter(0, nvmlDeviceGetMigMode=_raises(pynvml.NVML_ERROR_FUNCTION_NOT_FOUND))
    assert read(FakeNvml([old])).gpus[0].mig is None


def test_a_field_without_permission_is_null_and_the_rest_is_told() -> None:
    shy = datacenter(0, nvmlDeviceGetComputeRunningProcesses=_raises(4))
    shy.answers["nvmlDeviceGetGraphicsRunningProcesses"] = _raises(4)
    (gpu,) = read(FakeNvml([shy])).gpus
    assert (gpu.processes, gpu.memory_free_bytes) == (None, 70 * GIB)


@pytest.mark.parametrize(
    ("error", "state", "code"),
    [
        (pynvml.NVML_ERROR_GPU_IS_LOST, "lost", "gpu_lost"),
        (pynvml.NVML_ERROR_RESET_REQUIRED, "failed", "gpu_reset_required"),
        (pynvml.NVML_ERROR_UNKNOWN, "failed", "gpu_failed"),
    ],
)
def test_a_gpu_that_fails_is_named_and_the_others_go_on(error: int, state: str, code: str) -> None:
    broken = datacenter(1)
    broken.fault = error
    found = read(FakeNvml([datacenter(0), broken, datacenter(2)]))
    assert [gpu.state for gpu in found.gpus] == ["ok", state, "ok"]
    assert [gpu.memory_free_bytes for gpu in found.gpus] == [70 * GIB, None, 70 * GIB]
    (problem,) = found.problems
    assert (problem.code, problem.gpu_index) == (code, 1)
    assert "GPU 1" in problem.detail
    assert [(link.first, link.second) for link in found.links] == [(0, 2)]


def test_a_gpu_that_breaks_off_in_the_middle_keeps_its_name() -> None:
    broken = datacenter(0, nvmlDeviceGetTemperature=_raises(pynvml.NVML_ERROR_GPU_IS_LOST))
    found = read(FakeNvml([broken]))
    assert (found.gpus[0].name, found.gpus[0].state) == ("NVIDIA H100 80GB HBM3", "lost")
    assert "NVIDIA H100 80GB HBM3" in found.problems[0].detail


def test_mig_instances_are_told_with_their_memory_and_processes() -> None:
    instance = FakeGpu(
        {
            "nvmlDeviceGetUUID": "MIG-1",
            "nvmlDeviceGetName": "NVIDIA A100-SXM4-40GB MIG 3g.20gb",
            "nvmlDeviceGetGpuInstanceId": 2,
            "nvmlDeviceGetComputeInstanceId": 0,
            "nvmlDeviceGetMemoryInfo": memory(20 * GIB, 4 * GIB),
        }
    )
    split = datacenter(
        0,
        nvmlDeviceGetMigMode=[1, 1],
        nvmlDeviceGetUtilizationRates=_raises(pynvml.NVML_ERROR_NOT_SUPPORTED),
        nvmlDeviceGetComputeRunningProcesses=[process(11, 4 * GIB, instance=2)],
        instances=[instance],
    )
    (gpu,) = read(FakeNvml([split])).gpus
    assert gpu.mig is not None
    (part,) = gpu.mig.instances
    assert (part.name, part.uuid, part.gpu_instance) == ("3g.20gb", "MIG-1", 2)
    assert part.memory_free_bytes == 16 * GIB
    assert gpu.utilization_percent is None
    assert gpu.processes is not None
    assert gpu.processes[0].mig_gpu_instance == 2


def test_a_process_that_computes_and_draws_counts_once() -> None:
    both = datacenter(
        0,
        nvmlDeviceGetComputeRunningProcesses=[process(5, GIB), process(6, None)],
        nvmlDeviceGetGraphicsRunningProcesses=[process(5, GIB)],
    )
    (gpu,) = read(FakeNvml([both])).gpus
    assert gpu.processes is not None
    assert [(p.pid, p.memory_used_bytes) for p in gpu.processes] == [(5, GIB), (6, None)]


def test_direct_nvlink_lanes_are_counted() -> None:
    gpus = [
        datacenter(0, lanes=[(pynvml.NVML_NVLINK_DEVICE_TYPE_GPU, "0000:02:00.0")] * 4),
        datacenter(1, lanes=[(pynvml.NVML_NVLINK_DEVICE_TYPE_GPU, "0000:01:00.0")] * 4),
    ]
    (link,) = read(FakeNvml(gpus)).links
    assert (link.nvlinks, link.path) == (4, "host_bridge")


def test_nvlink_through_switches_is_counted() -> None:
    lanes = [(pynvml.NVML_NVLINK_DEVICE_TYPE_SWITCH, "0000:C0:00.0")] * 18
    gpus = [datacenter(0, lanes=lanes), datacenter(1, lanes=lanes)]
    (link,) = read(FakeNvml(gpus, level=pynvml.NVML_TOPOLOGY_SYSTEM)).links
    assert (link.nvlinks, link.path) == (18, "system")


def test_without_nvlink_the_lanes_are_unknown_and_the_path_is_told() -> None:
    (link,) = read(FakeNvml([datacenter(0), datacenter(1)])).links
    assert (link.nvlinks, link.path) == (None, "host_bridge")


def test_without_the_library_and_without_a_card_there_are_no_gpus_and_no_problem() -> None:
    missing = FakeNvml([], init_fault=pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)
    assert read(missing) == GpusFound()


def test_a_card_without_a_driver_is_said(tmp_path: Path) -> None:
    device = tmp_path / "sys/bus/pci/devices/0000:01:00.0"
    device.mkdir(parents=True)
    (device / "vendor").write_text("0x10de\n")
    (device / "class").write_text("0x030000\n")
    missing = FakeNvml([], init_fault=pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)
    with pytest.raises(ProbeFailure) as caught:
        read(missing, tmp_path)
    assert caught.value.code == "driver_missing"


def test_where_nvml_cant_be_loaded_nvidia_smi_is_asked() -> None:
    driver = GpuDriver(version="1", cuda_version=None, source="nvidia-smi")
    found = GpusFound(driver=driver)
    missing = FakeNvml([], init_fault=pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)
    assert NvidiaGpus(lambda: missing, Otherwise(found)).read() is found


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (pynvml.NVML_ERROR_DRIVER_NOT_LOADED, "driver_not_loaded"),
        (pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH, "driver_mismatch"),
        (pynvml.NVML_ERROR_NO_PERMISSION, "no_permission"),
        (pynvml.NVML_ERROR_UNKNOWN, "nvml_failed"),
    ],
)
def test_a_driver_that_does_not_work_is_named(error: int, code: str) -> None:
    with pytest.raises(ProbeFailure) as caught:
        read(FakeNvml([], init_fault=error))
    assert caught.value.code == code


def test_the_library_is_begun_once_and_again_after_it_failed() -> None:
    nvml = FakeNvml([datacenter(0)], init_fault=pynvml.NVML_ERROR_DRIVER_NOT_LOADED)
    probe = NvidiaGpus(lambda: nvml)
    with pytest.raises(ProbeFailure):
        probe.read()
    nvml.init_fault = None
    assert len(probe.read().gpus) == len(probe.read().gpus) == 1
    assert nvml.inits == 2


def _raises(code: int) -> Raises:
    return Raises(code)
