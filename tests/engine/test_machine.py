"""A node's machine as figures, for a control plane elsewhere."""

from fakes.nvml import GIB, FakeNvml, datacenter
from vllm_manager.monitoring.samples import BY_NAME
from vllm_manager_engine.machine import Machine


def nvml() -> FakeNvml:
    lost = datacenter(1)
    lost.fault = 15
    throttled = datacenter(0, nvmlDeviceGetCurrentClocksThrottleReasons=0x40)
    return FakeNvml([throttled, lost])


def test_gpus_and_the_machine_are_told_in_the_words_of_the_control_plane() -> None:
    machine = Machine(nvml)
    machine.read()
    found = machine.read()
    assert set(found["node"]) <= set(BY_NAME)
    assert found["node"]["node_memory_total_bytes"] > 0
    assert found["gpus"] == {
        "0": {
            "gpu_up": 1,
            "gpu_utilization_ratio": 0.93,
            "gpu_memory_used_bytes": 10 * GIB,
            "gpu_memory_total_bytes": 80 * GIB,
            "gpu_power_watts": 412.345,
            "gpu_power_limit_watts": 700,
            "gpu_temperature_celsius": 52,
            "gpu_throttled": 1,
            "gpu_ecc_uncorrected_total": 0,
        },
        "1": {"gpu_up": 0},
    }


def test_a_machine_without_gpus_has_none() -> None:
    assert Machine(lambda: None).read()["gpus"] == {}
