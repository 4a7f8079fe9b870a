"""12. 50 concurrent start, stop and delete calls on one deployment: one legal outcome."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.ray_cluster import wait_until
from support.server import ControlPlane, is_alive

pytestmark = [pytest.mark.survival, pytest.mark.engine]

Call = tuple[str, str]
START, STOP, RESTART, DELETE = (
    ("POST", "/deployments/demo/start"),
    ("POST", "/deployments/demo/stop"),
    ("POST", "/deployments/demo/restart"),
    ("DELETE", "/deployments/demo"),
)


def send_at_once(plane: ControlPlane, calls: Sequence[Call]) -> set[int]:
    def status_of(call: Call) -> int:
        return plane.call(*call)[0]

    with ThreadPoolExecutor(len(calls)) as pool:
        return set(pool.map(status_of, calls))


def wait_until_settled(plane: ControlPlane) -> None:
    def none_open() -> bool:
        return not plane.ask("/operations?status=running")["items"]

    wait_until(none_open, 90, "the end of every operation")


def test_12_without_a_deletion_it_ends_as_the_last_call_wanted(plane: ControlPlane) -> None:
    plane.deploy("demo")
    assert send_at_once(plane, [START, STOP, RESTART, STOP, START] * 10) == {202}
    wait_until_settled(plane)
    view = plane.ask("/deployments/demo")
    assert (view["desired"], view["phase"]) in (("running", "ready"), ("stopped", "stopped"))
    operations = plane.ask("/operations?limit=1000")["items"]
    # One that reached its aim before the next call came has succeeded; the last one always has.
    assert {o["status"] for o in operations} == {"succeeded", "cancelled"}
    assert operations[0]["status"] == "succeeded"
    assert len(operations) == 51
    expected = ["demo"] if view["desired"] == "running" else []
    assert list(plane.ray.applications()) == expected


def test_12_with_a_deletion_nothing_is_left(plane: ControlPlane) -> None:
    plane.deploy("demo")
    plane.wait_for("demo", "ready")
    pid = plane.replica("demo")["engine_pid"]
    statuses = send_at_once(plane, [START, STOP, RESTART, DELETE, START] * 10)
    assert statuses <= {202, 404, 409}
    plane.wait_until_gone("demo")
    wait_until_settled(plane)
    wait_until(lambda: not plane.ray.applications(), 60, "the end of the application")
    wait_until(lambda: not is_alive(pid), 60, "the end of the engine")
