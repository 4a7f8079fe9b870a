"""1. SIGKILL the control plane at every phase of a deployment: on restart it goes on from there."""

import pytest

from support.server import ControlPlane, is_alive

pytestmark = [pytest.mark.survival, pytest.mark.engine]

SLOW = {"starting_seconds": 2, "loading_seconds": 3, "warming_seconds": 2}


@pytest.mark.parametrize("phase", ["starting", "loading", "warming", "ready"])
def test_01_the_same_engine_becomes_ready(plane: ControlPlane, phase: str) -> None:
    begun = plane.deploy("demo", fake=SLOW)["operation"]
    plane.wait_for("demo", phase)
    before = plane.replica("demo")
    plane.restart()
    after = plane.wait_for("demo", "ready")
    now = plane.replica("demo")
    assert (now["engine_pid"], now["replica_id"]) == (before["engine_pid"], before["replica_id"])
    assert is_alive(now["engine_pid"])
    assert (after["generation"], after["attempt"], after["last_error"]) == (1, 1, None)
    plane.wait_for_operation(begun["id"], "succeeded")


def test_01_what_waits_for_room_goes_on_waiting_and_then_starts(plane: ControlPlane) -> None:
    plane.deploy("large", resources={"cpus": 8})
    plane.wait_for("large", "ready")
    plane.deploy("waits", resources={"cpus": 8})
    plane.wait_for("waits", "scheduling")
    plane.restart()
    plane.wait_for("waits", "scheduling")
    plane.call("DELETE", "/deployments/large")
    plane.wait_until_gone("large")
    after = plane.wait_for("waits", "ready")
    assert (after["generation"], after["attempt"]) == (1, 1)


def test_01_what_was_just_accepted_is_started(plane: ControlPlane) -> None:
    plane.deploy("demo")
    plane.restart()
    assert plane.wait_for("demo", "ready")["attempt"] == 1
