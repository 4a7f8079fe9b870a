"""Row 19. The supervisor is killed: its whole engine is gone within 5 s, and replaced."""

import os
import signal
import time

import psutil
import pytest

from support.engines import is_alive
from support.pace import slowness
from support.ray_cluster import RayCluster, wait_until
from support.serve import Deployed

pytestmark = [pytest.mark.survival, pytest.mark.engine]


def test_the_whole_engine_goes_with_its_supervisor_and_another_comes(ray: RayCluster) -> None:
    with Deployed(ray, "supervisor-killed", fake={"stray_child": True}) as deployed:
        first = deployed.wait_ready()
        engine = psutil.Process(first["engine_pid"])
        guard = engine.parent()
        assert guard is not None
        members = [guard.pid, *(p.pid for p in guard.children(recursive=True))]
        assert len(members) == 4
        killed = time.monotonic()
        os.kill(first["supervisor_pid"], signal.SIGKILL)
        wait_until(lambda: not any(map(is_alive, members)), 60, "the end of the engine")
        assert time.monotonic() - killed < 5 * slowness()
        second = deployed.wait_ready(other_than=first["replica_id"])
        assert second["supervisor_pid"] != first["supervisor_pid"]
