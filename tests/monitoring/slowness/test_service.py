"""What slows a deployment down is read off the figures that were kept of it."""

from pathlib import Path

from monitoring.samples.given import replica, room_in, spread
from support.application import running_in
from vllm_manager.deployments.schemas import Node, Replica
from vllm_manager.kit.paging import Page
from vllm_manager.monitoring.samples import Sample
from vllm_manager.monitoring.slowness import Slowness


class OneReplica:
    """Deployments as far as they are asked: one replica on one node."""

    async def replicas(self, name: str) -> Page[Replica]:
        node = Node(id="n", hostname="box")
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


async def test_a_deployment_that_is_not_there_is_said_to_be_so(tmp_path: Path) -> None:
    async with running_in(tmp_path) as running:
        path = "/api/v1/deployments/nothing/performance"
        answer = await running.client.get(path, headers=running.bearer)
    assert (answer.status_code, answer.json()["code"]) == (404, "deployment_not_found")
