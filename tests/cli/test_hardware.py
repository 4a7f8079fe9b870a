"""`hardware`: what a person reads of a machine, and what a program does."""

import json
from typing import Any

import pytest

from cli.conftest import Run
from fakes.nvml import GIB, FakeNvml, datacenter, process
from hardware.machine import hardware_with, nvidia
from support.rest_server import RestServer
from vllm_manager.hardware import GpuUse


@pytest.fixture
async def machine() -> dict[str, Any]:
    """What the API says of a machine with a GPU, a stranger on it, and another that is lost."""
    lost = datacenter(1)
    lost.fault = 15
    uses = [GpuUse("chat", 1, None)]
    busy = datacenter(0, nvmlDeviceGetComputeRunningProcesses=[process(1, 9 * GIB)])
    nvml = FakeNvml([busy, lost], names={1: "python [train]"})
    hardware = hardware_with(*nvidia(nvml), gpu_uses=lambda: uses)
    return (await hardware.snapshot()).model_dump(mode="json")


def test_a_person_sees_memory_gpus_strangers_and_problems(
    server: RestServer, run: Run, machine: dict[str, Any]
) -> None:
    server.answer("GET /api/v1/hardware", machine)
    done = run("hardware")
    assert done.exit_code == 0
    for words in ("Memory", "NVIDIA H100 80GB HBM3", "70.0 GiB", "python [train]", "foreign"):
        assert words in done.stdout
    assert "lost" in done.stdout
    assert "GPU 1" in done.stderr
    assert "fallen off the bus" in done.stderr
    assert "Deployments on it: chat." in " ".join(done.stderr.split())


def test_status_names_the_deployments_on_a_gpu_that_is_gone(
    server: RestServer, run: Run, machine: dict[str, Any]
) -> None:
    system = {"version": "1", "ray": {"state": "up"}, "engine": {}}
    server.answer("GET /api/v1/system", system)
    server.answer("GET /api/v1/deployments", {"items": [], "next_cursor": None})
    server.answer("GET /api/v1/hardware", machine)
    done = run("status")
    assert done.exit_code == 0, done.stderr
    said = " ".join(done.stderr.split())
    assert "GPU 1" in said
    assert "Deployments on it: chat." in said
    told = json.loads(run("status", "--json").stdout)["gpu_problems"]
    assert [problem["used_by"] for problem in told] == [["chat"]]


def test_a_machine_without_gpus_says_so(
    server: RestServer, run: Run, machine: dict[str, Any]
) -> None:
    server.answer("GET /api/v1/hardware", {**machine, "gpus": [], "problems": [], "driver": None})
    assert "GPUs    none" in run("hardware").stdout


def test_a_program_reads_the_answer_as_it_is(
    server: RestServer, run: Run, machine: dict[str, Any]
) -> None:
    server.answer("GET /api/v1/hardware", machine)
    assert json.loads(run("hardware", "--json").stdout) == machine
