"""1. SIGKILL the control plane while a deployment waits for its model: it goes on from there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.hub import Fault, Hub, large, tiny_chat
from support.ray_cluster import RayCluster
from support.server import ControlPlane, control_plane

pytestmark = [pytest.mark.survival, pytest.mark.engine]

MIB = 1 << 20
SIZE = 48 * MIB


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub([large(SIZE), tiny_chat()]) as hub:
        yield hub


@pytest.fixture
def plane(tmp_path: Path, ray: RayCluster, hub: Hub) -> Iterator[ControlPlane]:
    settings = {"hub_endpoint": hub.url, "models_dir": str(tmp_path / "models")}
    with control_plane(tmp_path / "home", ray, **settings) as plane:
        yield plane


def test_01_a_model_of_the_hub_is_fetched_then_served_from_its_snapshot(
    plane: ControlPlane, tmp_path: Path
) -> None:
    begun = plane.deploy("chat", model="acme/tiny-chat")["operation"]
    ready = plane.wait_for("chat", "ready")
    assert ready["fetch"] is None
    assert ready["spec"]["model"] == "acme/tiny-chat"
    plane.wait_for_operation(begun["id"], "succeeded")
    (download,) = plane.ask("/downloads")["items"]
    assert (download["repo"], download["state"]) == ("acme/tiny-chat", "succeeded")
    (application,) = plane.ray.applications().values()
    folder = Path(application["deployed_app_config"]["args"]["model"])
    assert folder.is_relative_to(tmp_path / "models")
    assert (folder / "config.json").exists()
    phases = {event["phase"] for event in plane.ask("/deployments/chat/events")["items"]}
    assert "ready" in phases


def test_01_killed_in_the_middle_of_the_download_it_goes_on_and_becomes_ready(
    plane: ControlPlane, hub: Hub
) -> None:
    hub.faults.add(Fault("*/cdn/*", bytes_per_second=MIB))
    begun = plane.deploy("large", model="acme/large")["operation"]
    half = plane.wait_for(
        "large", lambda d: d["phase"] == "fetching" and (d["progress"] or 0) > 0.3
    )
    assert half["fetch"]["bytes_total"] >= SIZE
    assert half["fetch"]["state"] == "running"
    plane.kill()
    hub.faults.clear()
    plane.start()
    after = plane.wait_for("large", "ready")
    assert (after["generation"], after["attempt"], after["last_error"]) == (1, 1, None)
    (download,) = plane.ask("/downloads")["items"]
    assert download["id"] == half["fetch"]["download_id"]
    plane.wait_for_operation(begun["id"], "succeeded")


def test_01_a_download_that_was_paused_is_waited_for_over_a_restart(
    plane: ControlPlane, hub: Hub
) -> None:
    hub.faults.add(Fault("*/cdn/*", bytes_per_second=MIB))
    plane.deploy("large", model="acme/large")
    going = plane.wait_for("large", lambda d: bool(d["fetch"]) and d["fetch"]["state"] == "running")
    path = f"/downloads/{going['fetch']['download_id']}"
    plane.call("POST", f"{path}/pause")
    paused = plane.wait_for("large", lambda d: d["fetch"]["state"] == "paused")
    assert "paused" in paused["reason"]
    plane.restart()
    plane.wait_for("large", lambda d: bool(d["fetch"]) and d["fetch"]["state"] == "paused")
    hub.faults.clear()
    plane.call("POST", f"{path}/resume")
    plane.wait_for("large", "ready")


def test_01_a_download_that_was_cancelled_ends_the_start_in_words(
    plane: ControlPlane, hub: Hub
) -> None:
    hub.faults.add(Fault("*/cdn/*", bytes_per_second=MIB))
    plane.deploy("large", model="acme/large")
    going = plane.wait_for("large", lambda d: bool(d["fetch"]) and d["fetch"]["state"] == "running")
    plane.call("POST", f"/downloads/{going['fetch']['download_id']}/cancel")
    failed = plane.wait_for("large", "failed")
    assert failed["last_error"]["code"] == "download_cancelled"
    hub.faults.clear()
    status, _ = plane.call("POST", "/deployments/large/start")
    assert status == 202
    plane.wait_for("large", "ready")
