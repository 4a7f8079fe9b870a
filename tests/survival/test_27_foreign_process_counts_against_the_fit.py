"""27. Another process holds the GPU's memory: it is counted, named, and the share left works."""

from pathlib import Path
from typing import Any

import pytest

from fakes.nvml import GIB, FakeNvml, datacenter, memory
from fakes.nvml import process as held
from hardware.machine import hardware_with, nvidia, process
from support.application import engine_python_in, running_in
from support.hub.models import DEMO
from vllm_manager.configs.fit import Fit

pytestmark = pytest.mark.survival


async def test_27_a_foreign_process_is_counted_named_and_worked_around(tmp_path: Path) -> None:
    with process() as stranger:
        gpu = datacenter(
            0,
            nvmlDeviceGetMemoryInfo=memory(80 * GIB, 61 * GIB),
            nvmlDeviceGetComputeRunningProcesses=[held(stranger, 60 * GIB)],
        )
        machine = hardware_with(*nvidia(FakeNvml([gpu], names={stranger: "train.py"})))
        async with running_in(tmp_path, engine_python=engine_python_in(tmp_path)) as running:
            running.app.state.fit = Fit(
                machine,
                running.app.state.catalog,
                running.app.state.engine_arguments,
                running.app.state.cluster.nodes_if_known,
            )

            async def ask(**arguments: object) -> dict[str, Any]:
                body = {"model": str(DEMO), "arguments": arguments}
                answer = await running.client.post("/api/v1/fit", json=body, headers=running.bearer)
                assert answer.status_code == 200, answer.text
                return answer.json()

            report = await ask()
            assert report["verdict"] == "does_not_fit"
            assert "gpu_memory_utilization 0.92 asks for more than is free" in str(report)
            assert f"train.py (pid {stranger}) 60.0 GiB" in str(report["summary"])
            (device,) = report["devices"]
            assert device["other_processes_bytes"] == 61 * GIB
            assert [p["name"] for p in device["other_processes"]] == ["train.py"]
            way = report["suggestions"][0]
            assert way["field"] == "arguments.gpu_memory_utilization"
            works = await ask(gpu_memory_utilization=way["value"])
            assert works["verdict"] == "fits"
