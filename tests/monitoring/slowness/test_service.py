"""What slows a deployment down is read off the figures that were kept of it."""

from pathlib import Path

from monitoring.samples.given import replica, room_in, spread
from support.application import running_in
from vllm_manager.deployments.schemas import Node, NodeGpu, Replica
from vllm_manager.kit.paging import Page
from vllm_manager.monitoring.samples import Sample
from vllm_manager.monitoring.slowness import Slowness


class OneReplica:
    """Deployments as far as they are asked: one replica on one node."""

    def __init__(self, gpus: list[int] | None = None) -> None:
        self._gpus = gpus

    async def replicas(self, name: str) -> Page[Replica]:
        gpus = None if self._gpus is None else [NodeGpu(index=index) for index in self._gpus]
        node = Node(id="n", hostname="box", gpus=gpus)
        return Page(items=[Replica(replica_id="r1", node=node, phase="ready")])


async def test_a_queue_is_found_in_the_histograms_of_the_last_minutes(tmp_path: Path) -> None:
    async with room_in(tmp_path) as room:
        for count in range(60):
            room.tick(
                Sample("engine_request_seconds", replica(), spread(0, 0, count)),
                Sample("engine_queue_seconds", replica(), spread(0, count)),
                Sample("engine_requests_waiting", replica(), 7.0),
                Sample("node_cpu_ratio", (("node", "box"),), 0.5),
            )
        found = await Slowness(room.samples, OneReplica(), room.clock).of("chat")
    assert found.measured.waiting == 7.0
    assert found.measured.node_cpu_ratio == 0.5
    assert found.causes[0].kind == "engine_queue"
    assert "7 wait now" in found.causes[0].cause
    assert found.summary.startswith("A request takes 2.0 s on average; most of all: Requests wait")


async def test_what_was_said_minutes_ago_is_not_now(tmp_path: Path) -> None:
    async with room_in(tmp_path) as room:
        for waiting in [0.0] * 20 + [8.0] * 10:
            room.tick(Sample("engine_requests_waiting", replica(), waiting))
        slowness = Slowness(room.samples, OneReplica(), room.clock)
        now = (await slowness.of("chat")).measured
        room.tick(seconds=60)
        later = (await slowness.of("chat")).measured
    assert (now.is_current, now.waiting) == (True, 8.0)
    assert later.is_current is False
    assert 0 < (later.waiting or 0) < 8


async def test_only_the_replica_s_own_gpus_count_and_the_fullest_replica(tmp_path: Path) -> None:
    async with room_in(tmp_path) as room:
        for _ in range(10):
            room.tick(
                *(
                    Sample("gpu_throttled", (("node", "box"), ("gpu", gpu)), throttled)
                    for gpu, throttled in (("0", 1.0), ("1", 1.0), ("2", 0.0), ("3", 0.0))
                ),
                Sample("engine_kv_cache_usage_ratio", replica(), 0.98),
                Sample("engine_kv_cache_usage_ratio", replica("r2"), 0.1),
            )
        found = [
            (await Slowness(room.samples, OneReplica(gpus), room.clock).of("chat")).measured
            for gpus in ([2, 3], [0, 2], [])
        ]
    assert [seen.gpu_throttled_ratio for seen in found] == [0.0, 1.0, None]
    assert found[0].kv_cache_ratio == 0.98


async def test_a_deployment_that_is_not_there_is_said_to_be_so(tmp_path: Path) -> None:
    async with running_in(tmp_path) as running:
        path = "/api/v1/deployments/nothing/performance"
        answer = await running.client.get(path, headers=running.bearer)
    assert (answer.status_code, answer.json()["code"]) == (404, "deployment_not_found")
