"""Which GPUs a replica was given: as Ray says it, named by the driver where that can be asked."""

from collections.abc import Iterator

import pynvml
import pytest

from fakes.nvml import FakeNvml, datacenter
from support import ray_cluster
from support.ray_cluster import RayCluster
from support.serve import Deployed
from vllm_manager_engine import gpus
from vllm_manager_engine.gpus import Gpu

MIG = "MIG-41b8e1b6-2d2f-5a5c-9c5e-1f6c2a3d4e5f"


@pytest.mark.parametrize(
    ("ids", "found"),
    [
        ([], ()),
        (["1"], (Gpu(1, "GPU-bb"),)),
        (["2", "0"], (Gpu(2, None), Gpu(0, "GPU-aa"))),
        (["GPU-bb"], (Gpu(1, "GPU-bb"),)),
        (["GPU-b"], (Gpu(1, "GPU-bb"),)),
        (["GPU-"], (Gpu(None, "GPU-"),)),
        ([MIG], (Gpu(None, MIG),)),
    ],
)
def test_ids_are_told_with_what_the_driver_knows_of_them(
    ids: list[str], found: tuple[Gpu, ...]
) -> None:
    assert gpus.named(ids, {0: "GPU-aa", 1: "GPU-bb"}) == found


def test_a_gpu_that_does_not_answer_hides_no_other() -> None:
    nvml = FakeNvml([datacenter(0), datacenter(1), datacenter(2)])
    nvml.gpus[1].fault = pynvml.NVML_ERROR_GPU_IS_LOST
    assert gpus.uuids_of(nvml) == {0: "GPU-0", 2: "GPU-2"}


@pytest.fixture
def ray_with_gpus() -> Iterator[RayCluster]:
    cluster = ray_cluster.start(gpus=2)
    yield cluster
    cluster.stop()


@pytest.mark.engine
def test_replicas_report_the_gpus_that_ray_gave_them(ray_with_gpus: RayCluster) -> None:
    with Deployed(ray_with_gpus, "placed", gpus=2) as deployed:
        found = deployed.wait_ready()["node"]["gpus"]
    assert sorted(gpu["index"] for gpu in found) == [0, 1]
