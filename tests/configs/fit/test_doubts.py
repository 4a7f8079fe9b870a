"""Memory that can't be seen, or is in slices: an answer that is not sure is no yes."""

from typing import Any

import pytest

from configs.fit.asked import GIB, LLAMA_8B, Room, ask
from vllm_manager.cluster import ClusterNode
from vllm_manager.configs.fit.doubts import here
from vllm_manager.configs.fit.schemas import FitReport
from vllm_manager.hardware import GpuProcess

MODEL = "llama-3-8b"
A_GPU = Room(gpus=[(80, 79)])
NO_GPU = Room()


def node(name: str, **more: Any) -> ClusterNode:
    told: dict[str, Any] = {
        "id": name,
        "ip": "10.0.0.7",
        "hostname": name,
        "is_head": False,
        "state": "alive",
        "state_message": None,
        "cpus": 8,
        "gpus": 1,
        "memory_bytes": None,
    }
    return ClusterNode.model_validate({**told, **more})


HERE = node("a", ip="127.0.0.1")


def asked(room: Room, *nodes: ClusterNode, **question: Any) -> FitReport:
    question.setdefault("arguments", {"max_model_len": 8192})
    return ask(MODEL, LLAMA_8B, room, nodes=nodes or None, **question)


@pytest.mark.parametrize(
    "others",
    [
        [],
        [HERE],
        [HERE, node("b", state="dead")],
        [HERE, node("b", gpus=0)],
        [HERE, node("b", cpus=0.5)],
    ],
)
def test_where_only_this_machine_can_have_it_the_answer_stands(others: list[ClusterNode]) -> None:
    assert asked(A_GPU, *others).verdict == "fits"


def test_what_may_land_on_another_machine_is_unknown_with_its_name() -> None:
    report = asked(A_GPU, HERE, node("gpu-b"))
    assert report.verdict == "unknown"
    assert "gpu-b" in report.summary
    assert "On this machine it would fit." in report.summary


def test_what_does_not_fit_here_may_fit_there() -> None:
    report = asked(Room(gpus=[(8, 7)]), HERE, node("gpu-b"))
    assert report.verdict == "unknown"
    assert "would fit" not in report.summary


def test_gpus_of_other_machines_alone_are_no_reason_to_judge_this_machine_s_memory() -> None:
    report = asked(NO_GPU, node("head", ip="127.0.0.1", gpus=0), node("gpu-b"))
    assert (report.verdict, report.devices) == ("unknown", [])
    assert "gpu-b" in report.summary


def test_many_machines_are_counted_rather_than_listed() -> None:
    nodes = [node(f"gpu-{number}", ip=f"10.0.0.{number}") for number in range(9)]
    assert "gpu-0, gpu-1, gpu-2 and 6 more" in asked(A_GPU, *nodes).summary


def test_gpus_that_are_only_asked_about_are_nobody_s() -> None:
    device = {"count": 1, "memory_total_bytes": 80 * GIB}
    assert asked(NO_GPU, node("gpu-b"), device=device).verdict == "fits"


def test_a_slice_is_a_device_with_its_own_memory_and_processes() -> None:
    processes = [
        GpuProcess(pid=1, name="mine", memory_used_bytes=GIB, mig_gpu_instance=1, ours=False),
        GpuProcess(pid=2, name="other", memory_used_bytes=GIB, mig_gpu_instance=2, ours=False),
    ]
    room = Room(gpus=[(80, 70)], slices=[(40, 39), (40, 38)], processes=processes)
    report = asked(room)
    (device,) = report.devices
    assert report.verdict == "fits"
    assert device.name == "A GPU MIG 40gb"
    assert (device.total_bytes, device.free_bytes) == (40 * GIB, 39 * GIB)
    assert [process.pid for process in device.other_processes] == [1]


def test_what_is_too_large_for_each_slice_does_not_fit_a_gpu_that_is_large_enough() -> None:
    report = asked(Room(gpus=[(80, 79)], slices=[(10, 9.5)] * 7))
    assert report.verdict == "does_not_fit"
    assert report.smallest_gpus is None


def test_slices_that_differ_are_no_yes() -> None:
    report = asked(Room(gpus=[(80, 79)], slices=[(40, 39), (10, 9.5)]))
    assert report.verdict == "unknown"
    assert "2 MIG slices" in report.summary
    assert "“does not fit”" in report.summary


def test_workers_can_not_be_spread_over_slices() -> None:
    room = Room(gpus=[(80, 79)], slices=[(40, 39), (40, 39)])
    report = asked(room, resources={"tensor_parallel_size": 2})
    assert report.verdict == "unknown"
    assert "2 workers would need whole GPUs" in report.summary


def test_this_machine_knows_its_own_addresses() -> None:
    assert "127.0.0.1" in here()
