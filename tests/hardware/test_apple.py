"""Macs, in what their own tools write: an M2 Max, and an Intel MacBook Pro."""

from collections.abc import Sequence

import pytest

from hardware.recorded import recording
from vllm_manager.hardware.apple import AppleGpus, AppleHost, Profile, available_bytes
from vllm_manager.hardware.probe import ProbeFailure

GIB = 1024**3


class Mac:
    """Answers as a Mac's own programs did."""

    def __init__(self, name: str, gpu_limit: str = "iogpu.wired_limit_mb: 0\n") -> None:
        self.name = name
        self.gpu_limit = gpu_limit
        self.broken: set[str] = set()
        self.calls: list[str] = []

    def run(self, command: Sequence[str]) -> str:
        program = command[0]
        self.calls.append(program)
        if program in self.broken:
            raise ProbeFailure("tool_failed", f"{program} failed")
        if "iogpu.wired_limit_mb" in command:
            return self.gpu_limit
        kind = "profiler.json" if program == "system_profiler" else f"{program}.txt"
        return recording(f"mac_{self.name}_{kind}")

    def host(self) -> AppleHost:
        return AppleHost(Profile(self.run), self.run)

    def gpus(self) -> AppleGpus:
        return AppleGpus(Profile(self.run), self.run)


def test_an_m2_max() -> None:
    host = Mac("m2_max").host().read().host
    assert (host.os_name, host.os_version, host.model) == ("macOS", "15.5", "Mac14,6")
    cpu, memory = host.cpu, host.memory
    assert (cpu.name, cpu.vendor, cpu.architecture) == ("Apple M2 Max", "Apple", "arm64")
    assert (cpu.cores, cpu.performance_cores, cpu.efficiency_cores) == (12, 8, 4)
    assert cpu.instruction_sets == ["neon", "fp16", "bf16", "i8mm", "dotprod"]
    assert (memory.total_bytes, memory.is_unified) == (64 * GIB, True)
    assert memory.available_bytes == (1048576 + 524288 + 262144) * 16384
    assert memory.swap_free_bytes == 797 * 1024**2


def test_the_gpu_of_an_m2_max_shares_the_machines_memory() -> None:
    (gpu,) = Mac("m2_max").gpus().read().gpus
    assert (gpu.vendor, gpu.name, gpu.cores) == ("apple", "Apple M2 Max", 38)
    assert (gpu.memory_total_bytes, gpu.memory_free_bytes) == (64 * GIB, 28 * GIB)
    assert gpu.is_memory_unified
    assert (gpu.temperature_celsius, gpu.processes) == (None, None)


def test_a_limit_set_for_the_gpus_memory_counts() -> None:
    (gpu,) = Mac("m2_max", "iogpu.wired_limit_mb: 20480\n").gpus().read().gpus
    assert (gpu.memory_total_bytes, gpu.memory_free_bytes) == (20 * GIB, 20 * GIB)


def test_an_intel_mac_has_processors_and_no_gpu_that_runs_an_engine() -> None:
    mac = Mac("intel")
    host = mac.host().read().host
    cpu = host.cpu
    assert cpu.name == "Intel(R) Core(TM) i9-9880H CPU @ 2.30GHz"
    assert (cpu.vendor, cpu.architecture) == ("GenuineIntel", "x86_64")
    assert (cpu.sockets, cpu.cores, cpu.threads) == (1, 8, 16)
    assert cpu.instruction_sets == ["fma", "sse4_2", "avx", "f16c", "avx2"]
    assert (cpu.performance_cores, host.memory.is_unified) == (None, False)
    assert host.memory.available_bytes == (2097152 + 1048576 + 524288) * 4096
    assert list(mac.gpus().read().gpus) == []


def test_a_mac_whose_profiler_fails_is_told_without_what_it_would_have_said() -> None:
    mac = Mac("m2_max")
    mac.broken = {"vm_stat", "system_profiler"}
    found = mac.host().read()
    assert (found.host.model, found.host.memory.available_bytes) == ("Mac14,6", None)
    assert [problem.code for problem in found.problems] == ["tool_failed", "tool_failed"]


def test_the_slow_profiler_is_asked_once() -> None:
    mac = Mac("m2_max")
    profile = Profile(mac.run)
    host, gpus = AppleHost(profile, mac.run), AppleGpus(profile, mac.run)
    for _ in range(2):
        host.read()
        gpus.read()
    assert mac.calls.count("system_profiler") == 1


def test_what_vm_stat_never_wrote_is_a_named_failure() -> None:
    with pytest.raises(ProbeFailure) as caught:
        available_bytes("nothing of this kind")
    assert caught.value.code == "tool_failed"
