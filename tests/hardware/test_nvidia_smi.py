"""NVIDIA's GPUs through nvidia-smi: a split A100, two GeForce cards, one of them lost."""

import pytest

from hardware.recorded import recording
from vllm_manager.hardware.nvidia_smi import NvidiaSmi, parse
from vllm_manager.hardware.probe import GpusFound, ProbeFailure

MIB = 1024**2


def test_a_machine_with_two_geforce_cards() -> None:
    found = parse(recording("nvidia_smi_two_geforce.xml"))
    first, second = found.gpus
    assert (first.index, first.name) == (0, "NVIDIA GeForce RTX 4090")
    assert first.uuid == "GPU-5fd4b04e-3c3f-4b0e-9d0c-2f6b7f0a1c11"
    assert (first.memory_total_bytes, first.memory_free_bytes) == (24564 * MIB, 22799 * MIB)
    assert (first.utilization_percent, first.memory_utilization_percent) == (12, 3)
    assert (first.temperature_celsius, first.power_watts, first.power_limit_watts) == (
        41,
        61.42,
        450,
    )
    assert first.clocks is not None
    assert (first.clocks.graphics_mhz, first.clocks.graphics_max_mhz) == (2520, 3105)
    assert second.pcie is not None
    assert (second.pcie.bus_id, second.pcie.generation) == ("00000000:21:00.0", 1)
    assert (second.pcie.width, second.pcie.max_width) == (8, 16)
    assert found.driver is not None
    assert (found.driver.version, found.driver.cuda_version) == ("570.86.15", "12.8")


def test_the_drivers_own_share_counts_as_used() -> None:
    first = parse(recording("nvidia_smi_two_geforce.xml")).gpus[0]
    assert first.memory_used_bytes == (24564 - 22799) * MIB


def test_ecc_and_mig_of_a_card_without_them_are_null() -> None:
    for gpu in parse(recording("nvidia_smi_two_geforce.xml")).gpus:
        assert (gpu.ecc, gpu.mig, gpu.compute_capability) == (None, None, None)


def test_processes_are_listed_with_their_memory() -> None:
    first, second = parse(recording("nvidia_smi_two_geforce.xml")).gpus
    assert first.processes is not None
    listed = [(p.pid, p.name, p.memory_used_bytes) for p in first.processes]
    assert listed == [(2210, "/usr/lib/xorg/Xorg", 210 * MIB), (9120, "python3", 1040 * MIB)]
    assert second.processes == []


def test_a_split_a100_tells_its_instances() -> None:
    (gpu,) = parse(recording("nvidia_smi_a100_mig.xml")).gpus
    assert gpu.mig is not None
    assert gpu.mig.is_enabled
    parts = [(part.gpu_instance, part.memory_total_bytes) for part in gpu.mig.instances]
    assert parts == [(2, 19968 * MIB), (5, 9728 * MIB), (13, 4864 * MIB)]
    assert gpu.mig.instances[0].memory_free_bytes == (19968 - 10250) * MIB
    assert gpu.processes is not None
    assert gpu.processes[0].mig_gpu_instance == 2
    assert gpu.utilization_percent is None
    assert gpu.ecc is not None
    assert (gpu.ecc.corrected_errors, gpu.ecc.uncorrected_errors) == (3, 0)


def test_a_lost_gpu_is_named_and_the_other_goes_on() -> None:
    found = parse(recording("nvidia_smi_one_lost.xml"))
    assert [gpu.state for gpu in found.gpus] == ["ok", "lost"]
    assert found.gpus[1].memory_free_bytes is None
    (problem,) = found.problems
    assert (problem.code, problem.gpu_index) == ("gpu_lost", 1)
    assert "NVIDIA GeForce RTX 3090" in problem.detail


def test_a_machine_without_the_program_has_no_gpus() -> None:
    assert NvidiaSmi(lambda: None).read() == GpusFound()


def test_what_is_no_xml_is_a_named_failure() -> None:
    with pytest.raises(ProbeFailure) as caught:
        parse("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.")
    assert caught.value.code == "nvidia_smi_failed"
