"""A node's machine as figures, for a control plane elsewhere."""

import asyncio
import shutil
import threading
from pathlib import Path

from fakes.nvml import GIB, FakeNvml, datacenter
from vllm_manager.monitoring.samples import BY_NAME
from vllm_manager_engine.machine import Machine, disks, folders
from vllm_manager_engine.warm.node import Patient


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


def test_disks_are_told_of_the_folders_that_are_there(tmp_path: Path) -> None:
    found = disks({"models": tmp_path, "shared_memory": tmp_path / "missing"})
    usage = shutil.disk_usage(tmp_path)
    assert set(found) == {"models"}
    assert set(found["models"]) <= set(BY_NAME)
    assert found["models"]["node_disk_total_bytes"] == usage.total
    assert 0 < found["models"]["node_disk_free_bytes"] <= usage.total


def test_the_folders_that_matter_are_where_models_are_and_where_engines_write() -> None:
    assert set(folders("/models")) == {"models", "home", "temporary", "shared_memory"}
    assert folders("/models")["models"] == Path("/models")
    assert "models" not in folders(None)


async def test_a_reading_that_hangs_is_unknown_and_what_it_finds_too_late_is_left() -> None:
    go, looks = threading.Event(), iter(range(9999))

    def look() -> dict[str, int]:
        number = next(looks)
        if number == 1:
            go.wait(60)
        return {"number": number}

    patient = Patient("machine", look, 0.2)
    assert await patient.read() == {"number": 0}
    assert await patient.read() is None
    assert await patient.read() is None  # no second thread hangs
    hanging = asyncio.all_tasks() - {asyncio.current_task()}
    go.set()
    await asyncio.wait(hanging)
    assert await patient.read() == {"number": 2}


async def test_a_reading_that_fails_is_unknown_and_tried_again() -> None:
    looks = iter([OSError("no driver"), None])

    def look() -> dict[str, int]:
        error = next(looks)
        if error is not None:
            raise error
        return {"number": 1}

    patient = Patient("machine", look)
    assert await patient.read() is None
    assert await patient.read() == {"number": 1}
