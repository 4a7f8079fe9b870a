"""Row 23. The engine hangs though `/health` says 200: found by a generated token, and replaced."""

import os
import signal
import time

import pytest

from support.engines import is_alive, supervised, until
from support.pace import slowness
from support.ray_cluster import RayCluster
from support.serve import Deployed
from vllm_manager_engine.health import Patience

pytestmark = pytest.mark.survival


async def test_a_silent_engine_is_found_within_five_seconds() -> None:
    async with supervised(patience=Patience()) as supervisor:
        await supervisor.start()
        assert supervisor.process is not None
        assert supervisor.engine is not None
        hung = time.monotonic()
        os.kill(supervisor.process.engine_pid or 0, signal.SIGUSR1)
        failure = await until(lambda: supervisor.failure)
        assert time.monotonic() - hung < 5 * slowness()
        assert failure.code == "engine_hung"
        assert await supervisor.engine.is_up(1)


async def test_a_stopped_engine_is_found_within_five_seconds() -> None:
    async with supervised(patience=Patience()) as supervisor:
        await supervisor.start()
        assert supervisor.process is not None
        hung = time.monotonic()
        os.kill(supervisor.process.engine_pid or 0, signal.SIGSTOP)
        failure = await until(lambda: supervisor.failure)
        assert time.monotonic() - hung < 5 * slowness()
        assert failure.code == "engine_hung"


@pytest.mark.engine
def test_serve_replaces_a_hanging_replica(ray: RayCluster) -> None:
    with Deployed(ray, "hanging") as deployed:
        first = deployed.wait_ready()
        os.kill(first["engine_pid"], signal.SIGUSR1)
        deployed.wait_report(lambda r: r["phase"] == "degraded", 8)
        second = deployed.wait_ready(other_than=first["replica_id"])
        assert is_alive(second["engine_pid"])
        assert not is_alive(first["engine_pid"])
