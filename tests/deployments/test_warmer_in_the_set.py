"""The warmer is in every set that Ray is shown, and is no deployment to anybody else."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from fakes.clock import FakeClock
from support.http_server import Exchange, HttpServer
from vllm_manager.cluster import RayRest
from vllm_manager.deployments.adapters import RayServeEngine, ReplicaSettings, WarmerSettings
from vllm_manager.deployments.adapters.ray_serve import WARMER
from vllm_manager.deployments.plan import must_converge

SETTINGS = ReplicaSettings("http://127.0.0.1:9", 60, 30, 5, warm=True)


class Head(HttpServer):
    """Ray's dashboard as far as it matters: it keeps the set that it was shown."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.applications: list[dict[str, Any]] = []
        self.nodes = 1
        self.puts = 0

    async def _answer(self, exchange: Exchange) -> None:
        if exchange.path == "/api/v0/nodes":
            nodes = [{"node_id": str(n), "state": "ALIVE"} for n in range(self.nodes)]
            dead = {"node_id": "gone", "state": "DEAD"}
            return exchange.reply_json({"data": {"result": {"result": [*nodes, dead]}}})
        if exchange.method == "PUT":
            self.applications = exchange.json["applications"]
            self.puts += 1
            return exchange.reply_json({})
        seen = {
            a["name"]: {"status": "RUNNING", "deployed_app_config": a} for a in self.applications
        }
        return exchange.reply_json({"controller_info": {"pid": 1}, "applications": seen})


@pytest.fixture
async def head() -> AsyncGenerator[Head]:
    async with Head() as head:
        yield head


@pytest.fixture
async def ray(head: Head, tmp_path: Path) -> AsyncGenerator[RayRest]:
    ray = RayRest(head.url, tmp_path / "token")
    yield ray
    await ray.close()


async def settle(engine: RayServeEngine) -> None:
    """Observe, and converge where the plan asks for it, as the reconciler does."""
    observation = await engine.observe()
    if must_converge([], observation):
        await engine.converge([], observation)


async def test_it_is_put_once_and_then_left_alone(head: Head, ray: RayRest) -> None:
    engine = RayServeEngine(ray, SETTINGS, WarmerSettings(1, 5), FakeClock())
    for _ in range(3):
        await settle(engine)
    assert head.puts == 1
    assert [a["name"] for a in head.applications] == [WARMER]
    assert (await engine.observe()).applications == {}


async def test_each_living_node_gets_one(head: Head, ray: RayRest) -> None:
    clock = FakeClock()
    engine = RayServeEngine(ray, SETTINGS, WarmerSettings(1, 5), clock)
    await settle(engine)
    head.nodes = 3
    clock.advance(11)
    await settle(engine)
    assert head.applications[0]["deployments"] == [{"name": "warmer", "num_replicas": 3}]


async def test_other_settings_reach_it(head: Head, ray: RayRest) -> None:
    await settle(RayServeEngine(ray, SETTINGS, WarmerSettings(1, 5), FakeClock()))
    await settle(RayServeEngine(ray, SETTINGS, WarmerSettings(2, 5), FakeClock()))
    assert head.applications[0]["args"]["spares"] == 2


async def test_without_spares_it_is_put_only_where_there_are_other_nodes_to_tell_of(
    head: Head, ray: RayRest
) -> None:
    clock = FakeClock()
    engine = RayServeEngine(ray, SETTINGS, WarmerSettings(0, 5, "/models"), clock)
    await settle(engine)
    assert head.applications == []
    head.nodes = 2
    clock.advance(11)
    await settle(engine)
    assert head.applications[0]["deployments"] == [{"name": "warmer", "num_replicas": 2}]
    assert head.applications[0]["args"]["spares"] == 0
    assert head.applications[0]["args"]["models"] == "/models"
    head.nodes = 1
    clock.advance(11)
    await settle(engine)
    assert head.applications == []


async def test_a_head_on_another_machine_is_told_of_though_it_is_the_only_node(
    head: Head, ray: RayRest
) -> None:
    ray.url = "http://10.0.0.1:8265"
    await settle(RayServeEngine(ray, SETTINGS, WarmerSettings(0, 5), FakeClock()))
    assert [a["name"] for a in head.applications] == [WARMER]


async def test_switched_off_it_is_removed(head: Head, ray: RayRest) -> None:
    await settle(RayServeEngine(ray, SETTINGS, WarmerSettings(1, 5), FakeClock()))
    await settle(RayServeEngine(ray, SETTINGS))
    assert head.applications == []
    await settle(RayServeEngine(ray, SETTINGS))
    assert head.puts == 2
