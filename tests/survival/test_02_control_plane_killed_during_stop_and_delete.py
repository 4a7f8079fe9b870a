"""2. SIGKILL of the control plane during stop and during delete."""

import pytest

from support.ray_cluster import wait_until
from support.server import ControlPlane, family, is_alive

pytestmark = [pytest.mark.survival, pytest.mark.engine]

SLOW_TO_END = {"ignore_term": 1}


def serving(plane: ControlPlane) -> set[int]:
    """Bring an engine that is slow to end to ready; return its processes."""
    plane.deploy("demo", fake=SLOW_TO_END)
    plane.wait_for("demo", "ready")
    return family(plane.replica("demo")["engine_pid"])


def wait_for_end(pids: set[int]) -> None:
    wait_until(lambda: not any(map(is_alive, pids)), 60, "the end of the engine's processes")


@pytest.mark.parametrize("when", ["at once", "while it stops"])
def test_02_a_stop_is_finished(plane: ControlPlane, when: str) -> None:
    pids = serving(plane)
    accepted = plane.call("POST", "/deployments/demo/stop")[1]
    if when == "while it stops":
        plane.wait_for("demo", "stopping")
    plane.restart()
    plane.wait_for("demo", "stopped")
    wait_for_end(pids)
    plane.wait_for_operation(accepted["operation"]["id"], "succeeded")
    assert plane.ray.applications() == {}


@pytest.mark.parametrize("when", ["at once", "while it stops"])
def test_02_a_deletion_is_finished(plane: ControlPlane, when: str) -> None:
    pids = serving(plane)
    accepted = plane.call("DELETE", "/deployments/demo")[1]
    if when == "while it stops":
        plane.wait_for("demo", "deleting")
    plane.restart()
    plane.wait_until_gone("demo")
    wait_for_end(pids)
    wait_until(
        lambda: plane.ask(f"/operations/{accepted['operation']['id']}")["status"] == "succeeded",
        10,
        "the end of the operation",
    )
    assert plane.ray.applications() == {}
