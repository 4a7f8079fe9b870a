"""26. A GPU vanishes (simulated NVML error): it is named, and the others go on."""

from pathlib import Path
from typing import Any

import pynvml
import pytest

from fakes.clock import FakeClock
from fakes.nvml import FakeNvml, datacenter
from hardware.machine import hardware_with, nvidia
from support.application import Running, running_in

pytestmark = pytest.mark.survival


async def read(running: Running) -> dict[str, Any]:
    answer = await running.client.get("/api/v1/hardware", headers=running.bearer)
    assert answer.status_code == 200
    return answer.json()


async def test_26_a_gpu_that_falls_off_the_bus_is_named_and_the_others_are_told(
    tmp_path: Path,
) -> None:
    clock, nvml = FakeClock(), FakeNvml([datacenter(0), datacenter(1), datacenter(2)])
    async with running_in(tmp_path) as running:
        running.app.state.hardware = hardware_with(*nvidia(nvml), clock=clock)
        before = await read(running)
        assert [gpu["state"] for gpu in before["gpus"]] == ["ok", "ok", "ok"]
        nvml.gpus[1].fault = pynvml.NVML_ERROR_GPU_IS_LOST
        clock.advance(3)
        after = await read(running)
    assert [gpu["state"] for gpu in after["gpus"]] == ["ok", "lost", "ok"]
    free = [gpu["memory_free_bytes"] for gpu in after["gpus"]]
    assert (free[0], free[1], free[2]) == (
        before["gpus"][0]["memory_free_bytes"],
        None,
        before["gpus"][2]["memory_free_bytes"],
    )
    (problem,) = after["problems"]
    assert (problem["code"], problem["gpu_index"]) == ("gpu_lost", 1)
    assert "fallen off the bus" in problem["detail"]
