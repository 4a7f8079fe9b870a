"""30. Start-up deadline passes in mid warm-up: stopped, no orphan."""

from pathlib import Path

import pytest

from support.ray_cluster import RayCluster, wait_until
from support.server import control_plane, family, is_alive

pytestmark = [pytest.mark.survival, pytest.mark.engine]

STUCK = {"stuck_in": "warming", "ignore_term": 1, "stray_child": 1}


def test_30_it_is_stopped_with_all_its_processes_and_says_why(
    tmp_path: Path, ray: RayCluster
) -> None:
    settings = {"start_deadline_seconds": "4", "retry_attempts": "2"}
    with control_plane(tmp_path / "home", ray, **settings) as plane:
        plane.deploy("demo", fake=STUCK)
        plane.wait_for("demo", lambda view: view["phase"] == "warming")
        first = family(plane.replica("demo")["engine_pid"])
        assert len(first) > 1
        plane.wait_for("demo", lambda view: view["attempt"] == 2 and view["phase"] == "warming")
        wait_until(lambda: not any(map(is_alive, first)), 60, "the first try's end")
        second = family(plane.replica("demo")["engine_pid"])
        view = plane.wait_for("demo", "failed")
        assert view["last_error"]["code"] == "start_timeout"
        assert "still warming" in view["last_error"]["detail"]
        wait_until(lambda: not any(map(is_alive, second)), 60, "the second try's end")
        wait_until(lambda: not plane.ray.applications(), 60, "the application's end")
