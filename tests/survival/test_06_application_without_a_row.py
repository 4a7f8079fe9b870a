"""6. A Serve application with no row behind it: removed; ours beside it are left alone."""

import pytest

from support.api import Json
from support.ray_cluster import wait_until
from support.server import ControlPlane

pytestmark = [pytest.mark.survival, pytest.mark.engine]


def plant(plane: ControlPlane, name: str) -> None:
    """Run a copy of our application under another name, as if its row had been lost."""
    ours: Json = plane.ray.applications()["demo"]["deployed_app_config"]
    args = {**ours["args"], "deployment": name, "uid": "dep_unknown"}
    plane.ray.serve([ours, {**ours, "name": name, "args": args}])
    wait_until(lambda: name in plane.ray.applications(), 60, "the planted application")


@pytest.mark.parametrize("when", ["while it runs", "while it is down"])
def test_06_a_stray_application_is_removed_and_ours_is_not_touched(
    plane: ControlPlane, when: str
) -> None:
    plane.deploy("demo")
    plane.wait_for("demo", "ready")
    before = plane.replica("demo")
    if when == "while it is down":
        plane.kill()
    plant(plane, "stray")
    if when == "while it is down":
        plane.start()
    wait_until(lambda: list(plane.ray.applications()) == ["demo"], 60, "the stray one's end")
    plane.wait_for("demo", "ready")
    after = plane.replica("demo")
    same = ("replica_id", "supervisor_pid", "engine_pid")
    assert [after[name] for name in same] == [before[name] for name in same]
