"""Row 18. The engine core is killed alone: unhealthy within 5 s, and restarted."""

import os
import signal
import time

import pytest

from support.engines import core_of, is_alive, supervised, until
from support.pace import slowness
from support.ray_cluster import RayCluster
from support.serve import Deployed
from vllm_manager_engine.health import Patience

pytestmark = pytest.mark.survival


@pytest.mark.parametrize("told", [{}, {"ignore_core_death": True}])
async def test_the_supervisor_notices_within_five_seconds(told: dict[str, bool]) -> None:
    async with supervised(fake=told, patience=Patience()) as supervisor:
        await supervisor.start()
        assert supervisor.process is not None
        killed = time.monotonic()
        os.kill(core_of(supervisor.process.engine_pid), signal.SIGKILL)
        failure = await until(lambda: supervisor.failure)
        assert time.monotonic() - killed < 5 * slowness()
        assert failure.code == "core_killed"


@pytest.mark.engine
def test_serve_puts_another_replica_in_its_place(ray: RayCluster) -> None:
    with Deployed(ray, "core-killed", fake={"ignore_core_death": True}) as deployed:
        first = deployed.wait_ready()
        os.kill(core_of(first["engine_pid"]), signal.SIGKILL)
        failed = deployed.wait_report(
            lambda r: r["replica_id"] == first["replica_id"] and r["phase"] == "failed", 5
        )
        assert failed["failure"]["code"] == "core_killed"
        second = deployed.wait_ready(other_than=first["replica_id"])
        assert is_alive(second["engine_pid"])
        assert not is_alive(first["engine_pid"])
