"""27. Another process holds the GPU's memory: it is shown with its pid, name and memory."""

from pathlib import Path

import pytest

from fakes.nvml import GIB, FakeNvml, datacenter, memory
from fakes.nvml import process as held
from hardware.machine import hardware_with, nvidia, process
from support.application import running_in

pytestmark = pytest.mark.survival


async def test_27_a_foreign_process_is_shown_beside_our_own(tmp_path: Path) -> None:
    with process() as engine, process() as stranger:
        gpu = datacenter(
            0,
            nvmlDeviceGetMemoryInfo=memory(80 * GIB, 71 * GIB),
            nvmlDeviceGetComputeRunningProcesses=[
                held(engine, 10 * GIB),
                held(stranger, 60 * GIB),
            ],
        )
        nvml = FakeNvml([gpu], names={stranger: "train.py", engine: "VLLM::EngineCore"})
        async with running_in(tmp_path) as running:
            running.app.state.hardware = hardware_with(*nvidia(nvml), engine_pids=lambda: {engine})
            answer = await running.client.get("/api/v1/hardware", headers=running.bearer)
    (told,) = answer.json()["gpus"]
    assert told["memory_free_bytes"] == 9 * GIB
    foreign = [p for p in told["processes"] if p["ours"] is False]
    assert [(p["pid"], p["name"], p["memory_used_bytes"]) for p in foreign] == [
        (stranger, "train.py", 60 * GIB)
    ]
    assert [p["name"] for p in told["processes"] if p["ours"]] == ["VLLM::EngineCore"]
