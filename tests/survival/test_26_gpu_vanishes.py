"""26. A GPU vanishes (simulated NVML error): it is named with its deployments; others go on."""

from pathlib import Path
from typing import Any

import pynvml
import pytest

from deployments.room import Room
from fakes.clock import FakeClock
from fakes.nvml import FakeNvml, datacenter
from hardware.machine import hardware_with, nvidia
from support.application import Running, running_in
from vllm_manager.deployments.gpus import GpuWatch
from vllm_manager.hardware import GpuUse

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
        uses = [GpuUse("chat", 1, "GPU-1"), GpuUse("code", 2, "GPU-2")]
        running.app.state.hardware = hardware_with(
            *nvidia(nvml), clock=clock, gpu_uses=lambda: uses
        )
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
    assert problem["used_by"] == ["chat"]


async def test_26_the_deployments_on_it_are_degraded_and_named_and_the_others_serve_on(
    tmp_path: Path,
) -> None:
    clock, nvml = FakeClock(), FakeNvml([datacenter(0), datacenter(1)])
    room = await Room(tmp_path, clock=clock).open()
    hardware = hardware_with(*nvidia(nvml), clock=clock, gpu_uses=lambda: watch.uses())
    watch = GpuWatch(room.memory, hardware, "gpu-a", lambda: None)
    for index, name in enumerate(("chat", "code")):
        await room.create(name)
        await room.step()
        gpus = [{"index": index, "uuid": f"GPU-{index}"}]
        node = {"id": "n1", "ip": "127.0.0.1", "hostname": "gpu-a", "gpus": gpus}
        await room.report(room.engine.place(name), "ready", name, node=node)
    await watch.step()
    await room.step()
    assert [(await room.get(name)).phase for name in ("chat", "code")] == ["ready", "ready"]
    nvml.gpus[1].fault = pynvml.NVML_ERROR_GPU_IS_LOST
    clock.advance(3)
    await watch.step()
    await room.step()
    chat, code = await room.get("chat"), await room.get("code")
    (problem,) = (await hardware.snapshot()).problems
    await room.close()
    assert (chat.phase, chat.degradations) == ("ready", [])
    assert code.phase == "degraded"
    (told,) = code.degradations
    assert "GPU 1 (NVIDIA H100 80GB HBM3, GPU-1)" in told
    assert "restart this deployment" in told
    assert problem.used_by == ["code"]
