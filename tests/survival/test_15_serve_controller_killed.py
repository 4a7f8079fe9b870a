"""15. Serve controller killed: what runs goes on, and what is wanted next still happens."""

import psutil
import pytest

from support.ray_cluster import RayCluster, wait_until
from support.server import ControlPlane, is_alive

pytestmark = [pytest.mark.survival, pytest.mark.engine]


def controller(ray: RayCluster) -> psutil.Process | None:
    """Return the process of Serve's controller, if it runs."""
    raylets = [p for p in ray.processes() if p.name() == "raylet"]
    workers = [child for raylet in raylets for child in raylet.children(recursive=True)]
    return next((p for p in workers if _title(p).startswith("ray::ServeController")), None)


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def test_15_deployments_stay_and_new_ones_are_started(plane: ControlPlane, ray: RayCluster) -> None:
    plane.deploy("demo")
    plane.wait_for("demo", "ready")
    before = plane.replica("demo")
    old = wait_until(lambda: controller(ray), 60, "Serve's controller")
    old.kill()
    plane.deploy("next")
    plane.wait_for("next", "ready", within_seconds=90)
    new = wait_until(lambda: controller(ray), 60, "another controller")
    assert new.pid != old.pid
    plane.wait_for("demo", "ready")
    after = plane.replica("demo")
    assert (after["replica_id"], after["engine_pid"]) == (
        before["replica_id"],
        before["engine_pid"],
    )
    assert is_alive(after["engine_pid"])
    plane.call("DELETE", "/deployments/demo")
    plane.wait_until_gone("demo")
    assert not is_alive(after["engine_pid"])
