"""How many requests may wait for a deployment: as it says, else as the installation does."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from deployments.room import Room
from vllm_manager.deployments.queueing import Queueing
from vllm_manager.deployments.schemas import DeploymentChange
from vllm_manager.settings import Settings

HOUSE = Queueing(most_waiting=7, longest_wait_seconds=3.0)


@pytest.fixture
async def room(tmp_path: Path) -> AsyncGenerator[Room]:
    room = await Room(tmp_path).open()
    yield room
    await room.close()


def told(room: Room) -> tuple[int, float]:
    """Return what the gateway is told of the only deployment."""
    routes = room.service.routes()
    assert routes is not None
    [route] = routes
    return route.max_queued_requests, route.queue_wait_seconds


@pytest.mark.parametrize(("own", "most"), [(None, 7), (0, 0), (9, 9)])
def test_a_deployment_s_own_figure_goes_before_the_installation_s(
    own: int | None, most: int
) -> None:
    assert HOUSE.most(own) == most


@pytest.mark.parametrize(("own", "seconds"), [(None, 3.0), (0.5, 0.5)])
def test_a_deployment_s_own_wait_goes_before_the_installation_s(
    own: float | None, seconds: float
) -> None:
    assert HOUSE.seconds(own) == seconds


def test_the_usual_is_what_the_settings_say() -> None:
    settings = Settings()
    assert Queueing() == Queueing(settings.max_queued_requests, settings.queue_wait_seconds)


async def test_a_change_reaches_the_gateway_without_a_restart(room: Room) -> None:
    await room.serve(max_concurrent_requests=1)
    assert told(room) == (128, 30.0)
    asked = {"max_queued_requests": 5, "queue_wait_seconds": 2.5}
    changed = await room.service.change("demo", DeploymentChange.model_validate(asked))
    await room.step()
    assert told(room) == (5, 2.5)
    assert not changed.stale


async def test_the_gateway_is_told_how_long_the_longest_context_is(room: Room) -> None:
    replica_id = await room.serve()

    def longest() -> int | None:
        routes = room.service.routes()
        assert routes is not None
        return routes[0].max_model_len

    assert longest() is None
    await room.report(replica_id, "ready", max_model_len=4096)
    await room.step()
    assert longest() == 4096
