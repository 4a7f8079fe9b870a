"""GPUs that were here and are gone, and who was given which."""

import pynvml
import pytest

from fakes.clock import FakeClock
from fakes.nvml import FakeNvml, datacenter
from hardware.machine import Scripted, hardware_with, nvidia
from vllm_manager.hardware import GpusFound, GpuUse, HardwareSnapshot, ProbeFailure

LOST = pynvml.NVML_ERROR_GPU_IS_LOST


def told(snapshot: HardwareSnapshot) -> list[tuple[int, str | None, str]]:
    return [(gpu.index, gpu.uuid, gpu.state) for gpu in snapshot.gpus]


async def test_a_gpu_that_the_driver_no_longer_lists_stays_as_lost() -> None:
    clock, nvml = FakeClock(), FakeNvml([datacenter(0), datacenter(1), datacenter(2)])
    hardware = hardware_with(*nvidia(nvml), clock=clock)
    await hardware.snapshot()
    del nvml.gpus[1]  # the driver counts anew: what was the third is now the second
    clock.advance(3)
    snapshot = await hardware.snapshot()
    assert told(snapshot) == [(0, "GPU-0", "ok"), (1, "GPU-2", "ok"), (1, "GPU-1", "lost")]
    (problem,) = snapshot.problems
    assert (problem.code, problem.gpu_index) == ("gpu_lost", 1)
    assert "NVIDIA H100 80GB HBM3" in problem.detail


async def test_a_gpu_that_is_back_is_no_problem_any_more() -> None:
    clock, nvml = FakeClock(), FakeNvml([datacenter(0), datacenter(1)])
    hardware = hardware_with(*nvidia(nvml), clock=clock)
    await hardware.snapshot()
    away = nvml.gpus.pop()
    clock.advance(3)
    assert len((await hardware.snapshot()).problems) == 1
    nvml.gpus.append(away)
    clock.advance(3)
    assert (await hardware.snapshot()).problems == []


async def test_a_gpu_that_can_not_say_who_it_is_gets_its_name_back() -> None:
    clock, nvml = FakeClock(), FakeNvml([datacenter(0), datacenter(1)])
    hardware = hardware_with(*nvidia(nvml), clock=clock)
    await hardware.snapshot()
    nvml.gpus[1].fault = LOST
    clock.advance(3)
    snapshot = await hardware.snapshot()
    assert told(snapshot) == [(0, "GPU-0", "ok"), (1, "GPU-1", "lost")]
    assert snapshot.gpus[1].name == "NVIDIA H100 80GB HBM3"
    assert len(snapshot.problems) == 1


async def test_a_driver_that_does_not_answer_has_lost_no_gpu() -> None:
    clock = FakeClock()
    found = await hardware_with(*nvidia(FakeNvml([datacenter(0)]))).snapshot()
    probe = Scripted[GpusFound](GpusFound(found.gpus), "nvidia")
    hardware = hardware_with(probe, clock=clock)
    await hardware.snapshot()
    probe.outcome = ProbeFailure("driver_not_loaded", "No driver.")
    clock.advance(3)
    snapshot = await hardware.snapshot()
    assert snapshot.gpus == []
    assert [problem.code for problem in snapshot.problems] == ["driver_not_loaded"]


@pytest.mark.parametrize(
    ("use", "found"),
    [
        (GpuUse("chat", 1, "GPU-1"), [1]),
        (GpuUse("chat", 1, None), [1]),
        (GpuUse("chat", None, "GPU-0"), [0]),
        (GpuUse("chat", None, "MIG-1"), [0]),
        (GpuUse("chat", 0, "GPU-9"), []),
        (GpuUse("chat", None, None), []),
    ],
)
async def test_a_gpu_names_whom_it_was_given_to(use: GpuUse, found: list[int]) -> None:
    part = datacenter(0, nvmlDeviceGetUUID="MIG-1", nvmlDeviceGetName="NVIDIA H100 MIG 1g.10gb")
    split = datacenter(0, nvmlDeviceGetMigMode=[1, 1], instances=[part])
    nvml = FakeNvml([split, datacenter(1)])
    hardware = hardware_with(*nvidia(nvml), gpu_uses=lambda: [use])
    gpus = (await hardware.snapshot()).gpus
    assert [gpu.index for gpu in gpus if gpu.used_by == ["chat"]] == found


async def test_the_parts_of_a_lost_gpu_are_still_known() -> None:
    clock, part = FakeClock(), datacenter(0, nvmlDeviceGetUUID="MIG-1")
    nvml = FakeNvml([datacenter(0, nvmlDeviceGetMigMode=[1, 1], instances=[part])])
    uses = [GpuUse("chat", None, "MIG-1")]
    hardware = hardware_with(*nvidia(nvml), clock=clock, gpu_uses=lambda: uses)
    await hardware.snapshot()
    nvml.gpus[0].fault = LOST
    clock.advance(3)
    (problem,) = (await hardware.snapshot()).problems
    assert problem.used_by == ["chat"]
