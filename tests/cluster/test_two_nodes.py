"""A real Ray of two nodes: the second one tells what it takes as the head's machine does.

Warm starts are switched off: nodes are told of all the same.
"""

import shutil
import socket
import tempfile
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass

import psutil
import pytest

from support import ray_cluster
from support.pace import slowness
from support.ray_cluster import RayCluster, wait_until
from support.server import ControlPlane, control_plane

pytestmark = [pytest.mark.engine, pytest.mark.own_hostname]

HEAD, OTHER = socket.gethostname(), "second-node"
PROCESS = {
    "process_anonymous_bytes",
    "process_open_descriptors",
    "process_threads",
    "process_cpu_seconds_total",
}


@dataclass
class Cluster:
    """Two nodes, and a control plane beside the head."""

    ray: RayCluster
    second: psutil.Process
    plane: ControlPlane

    def told(self, **labels: str) -> Mapping[str, float]:
        """Return what is known now of whatever has these labels, and no others."""
        items = self.plane.ask("/metrics/latest")["items"]
        return {item["figure"]: item["value"] for item in items if item["labels"] == labels}

    def disks(self, node: str) -> Mapping[str, float]:
        """Return the sizes of a node's file systems by what they are for."""
        items = self.plane.ask(f"/metrics/latest?figure=node_disk_total_bytes&node={node}")["items"]
        return {item["labels"]["purpose"]: item["value"] for item in items}

    def ray_processes(self, node: str) -> set[str]:
        items = self.plane.ask(f"/metrics/latest?figure=process_threads&node={node}")["items"]
        return {i["labels"]["process"] for i in items if i["labels"]["process"].startswith("ray-")}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Generator[Cluster]:
    """The head takes no engine: it has no processors to set aside."""
    home = tmp_path_factory.mktemp("two-nodes") / "home"
    (home / "models").mkdir(parents=True)
    ray = ray_cluster.start(cpus=0)
    try:
        with ray_cluster.joined(ray, OTHER, cpus=4) as second, control_plane(home, ray) as plane:
            plane.deploy("far")
            yield Cluster(ray, second, plane)
    finally:
        ray.stop()


def test_an_engine_on_another_node_is_measured_with_its_supervisor(cluster: Cluster) -> None:
    cluster.plane.wait_for("far", "ready")
    replica = cluster.plane.replica("far")
    whose = {"deployment": "far", "replica": replica["replica_id"]}

    def takes(process: str) -> Mapping[str, float]:
        found = cluster.told(node=OTHER, process=process, **whose)
        return found if set(found) == PROCESS else {}

    engine = wait_until(lambda: takes("engine"), 60, "the engine's figures")
    supervisor = wait_until(lambda: takes("supervisor"), 60, "the supervisor's figures")
    process = psutil.Process(replica["engine_pid"])
    everything = [process, *process.children(recursive=True)]
    assert engine["process_threads"] == sum(one.num_threads() for one in everything)
    assert engine["process_anonymous_bytes"] > 1_000_000
    assert supervisor["process_open_descriptors"] > 2


def test_disks_of_another_node_are_measured_as_those_of_this_machine(cluster: Cluster) -> None:
    wait_until(lambda: "models" in cluster.disks(OTHER), 120, "the other node's disks")
    here, there = cluster.disks(HEAD), cluster.disks(OTHER)
    assert set(there) == set(here) == {"models", "home", "temporary", "shared_memory"}
    temporary = shutil.disk_usage(tempfile.gettempdir()).total
    assert here["temporary"] == there["temporary"] == temporary


def test_every_node_gives_the_same_figures(cluster: Cluster) -> None:
    def figures(node: str) -> set[str]:
        items = cluster.plane.ask(f"/metrics/latest?node={node}")["items"]
        return {item["figure"] for item in items}

    def are_the_same() -> bool:
        return bool(figures(HEAD)) and figures(HEAD) == figures(OTHER)

    wait_until(are_the_same, 60, "the same figures of both")
    assert {f for f in figures(OTHER) if f.startswith("process_")} == PROCESS


def test_ray_s_processes_are_measured_on_both(cluster: Cluster) -> None:
    ours = {"ray-raylet", "ray-dashboard-agent", "ray-runtime-env-agent"}
    wait_until(lambda: ours <= cluster.ray_processes(OTHER), 120, "Ray's on the other node")
    wait_until(lambda: ours <= cluster.ray_processes(HEAD), 120, "Ray's on the head")
    assert "ray-gcs_server" in cluster.ray_processes(HEAD)
    assert "ray-gcs_server" not in cluster.ray_processes(OTHER)


def test_prometheus_is_told_of_both(cluster: Cluster) -> None:
    wait_until(lambda: cluster.disks(OTHER), 120, "the other node's disks")
    text = cluster.plane.client.get("/metrics").text
    for node in (HEAD, OTHER):
        assert f'vllm_manager_node_disk_free_bytes{{node="{node}",purpose="models"}}' in text
        assert f'vllm_manager_process_threads{{node="{node}",process="ray-raylet"}}' in text


def test_a_node_that_is_switched_off_is_unknown_ten_seconds_later(cluster: Cluster) -> None:
    wait_until(lambda: cluster.disks(OTHER), 120, "the other node's disks")
    ray_cluster.end_node(cluster.second.pid)
    ended = time.monotonic()

    def is_unknown() -> bool:
        return not cluster.plane.ask(f"/metrics/latest?node={OTHER}")["items"]

    wait_until(is_unknown, 60, "nothing more of the node")
    assert time.monotonic() - ended < 12 * slowness()
    assert cluster.told(node=HEAD)["node_cpu_ratio"] >= 0
