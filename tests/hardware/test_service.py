"""The snapshot: shared, never late for a probe's sake, and with the reason for what it lacks."""

import asyncio

from fakes.clock import FakeClock
from fakes.nvml import GIB, FakeNvml, datacenter
from fakes.nvml import process as held
from hardware.machine import Scripted, hardware_with, nvidia, process
from vllm_manager.hardware import GpusFound, ProbeFailure


async def test_what_every_probe_finds_is_in_one_snapshot() -> None:
    snapshot = await hardware_with(*nvidia(FakeNvml([datacenter(0)]))).snapshot()
    assert snapshot.host.memory.available_bytes
    assert [gpu.name for gpu in snapshot.gpus] == ["NVIDIA H100 80GB HBM3"]
    assert snapshot.driver is not None
    assert [disk.purpose for disk in snapshot.disks] == ["models"]
    assert snapshot.problems == []


async def test_a_snapshot_is_shared_for_two_seconds() -> None:
    clock, probe = FakeClock(), Scripted(GpusFound())
    hardware = hardware_with(probe, clock=clock)
    first = await hardware.snapshot()
    clock.advance(1.9)
    assert await hardware.snapshot() is first
    clock.advance(0.2)
    assert await hardware.snapshot() is not first
    assert probe.reads == 2


async def test_many_who_ask_at_once_share_one_reading() -> None:
    probe = Scripted(GpusFound())
    probe.gate.clear()
    hardware = hardware_with(probe)
    asked = [asyncio.create_task(hardware.snapshot()) for _ in range(20)]
    assert await asyncio.to_thread(probe.started.wait, 60)
    asked[0].cancel()  # one who goes away takes nothing from the others
    probe.gate.set()
    answers = await asyncio.gather(*asked[1:])
    assert probe.reads == 1
    assert all(answer is answers[0] for answer in answers)


async def test_a_probe_that_fails_leaves_its_reason_and_the_rest() -> None:
    broken = Scripted[GpusFound](ProbeFailure("driver_not_loaded", "No driver."), "nvidia")
    snapshot = await hardware_with(broken, *nvidia(FakeNvml([datacenter(0)]))).snapshot()
    assert len(snapshot.gpus) == 1
    (problem,) = snapshot.problems
    assert (problem.probe, problem.code) == ("nvidia", "driver_not_loaded")


async def test_a_probe_that_fails_unforeseen_is_a_reason_too() -> None:
    snapshot = await hardware_with(Scripted[GpusFound](KeyError("pages"), "apple")).snapshot()
    (problem,) = snapshot.problems
    assert (problem.probe, problem.code) == ("apple", "probe_failed")
    assert "KeyError" in problem.detail


async def test_a_probe_that_hangs_is_left_behind_and_never_run_twice_at_once() -> None:
    clock, probe = FakeClock(), Scripted(GpusFound(), "nvidia")
    probe.gate.clear()
    hardware = hardware_with(probe, clock=clock, limit_seconds=0.2)
    for _ in range(2):
        snapshot = await hardware.snapshot()
        assert "timeout" in [problem.code for problem in snapshot.problems]
        clock.advance(3)
    assert probe.reads == 1
    probe.gate.set()


async def test_whose_a_gpus_processes_are() -> None:
    with process() as engine, process() as stranger:
        gone = 4_194_304 + 5  # above the highest pid that Linux gives out
        listed = [held(pid, GIB) for pid in (engine, stranger, gone)]
        gpu = datacenter(0, nvmlDeviceGetComputeRunningProcesses=listed)
        nvml = FakeNvml([gpu], names={stranger: "python3"})
        hardware = hardware_with(*nvidia(nvml), engine_pids=lambda: {engine})
        (found,) = (await hardware.snapshot()).gpus
    assert found.processes is not None
    whose = {p.pid: (p.name, p.ours) for p in found.processes}
    assert whose == {engine: (None, True), stranger: ("python3", False), gone: (None, None)}
