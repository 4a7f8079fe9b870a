"""The engine side under real Ray Serve, with fake engines."""

import pytest

from support.engines import is_alive
from support.ray_cluster import RayCluster, wait_until
from support.serve import Deployed, warmer_application

pytestmark = pytest.mark.engine


def test_a_deployment_becomes_ready_and_ends_without_a_trace(ray: RayCluster) -> None:
    with Deployed(ray, "whole-life") as deployed:
        report = deployed.wait_ready()
        replica = deployed.status["deployments"]["replica"]["replicas"][0]
        assert replica["replica_id"] == report["replica_id"]
        assert replica["pid"] == report["supervisor_pid"]
        assert report["node"]["id"] == replica["node_id"]
    assert not is_alive(report["engine_pid"])
    assert deployed.reports.received[-1]["phase"] == "stopping"


def test_reports_carry_the_token_of_the_node(ray: RayCluster) -> None:
    with Deployed(ray, "with-token") as deployed:
        deployed.wait_ready()
        assert deployed.reports.tokens == {f"Bearer {ray.report_token}"}


def test_a_failed_start_is_told_with_its_cause_once(ray: RayCluster) -> None:
    with Deployed(ray, "too-big", fake={"out_of_memory": True}) as deployed:
        wait_until(lambda: deployed.status.get("status") == "DEPLOY_FAILED", 60, "the failure")
        message = deployed.status["deployments"]["replica"]["message"]
        assert "weights_too_large: The weights do not fit on the GPU" in message
        assert "2.50 GiB more were asked for" in message
        assert "torch.OutOfMemoryError: CUDA out of memory" in message
        attempts = {r["replica_id"] for r in deployed.reports.received}
        assert len(attempts) == 1


def test_a_start_that_takes_too_long_leaves_no_orphan(ray: RayCluster) -> None:
    with Deployed(ray, "stuck", fake={"stuck_in": "warming"}, idle_deadline_seconds=1) as deployed:
        report = deployed.wait_report(lambda r: r["phase"] == "failed")
        assert report["failure"]["code"] == "start_hung"
        assert not is_alive(report["engine_pid"])


def test_other_applications_keep_their_engines(ray: RayCluster) -> None:
    with Deployed(ray, "stays", replicas=2) as deployed:
        first = deployed.wait_ready()
        deployed.wait_ready(other_than=first["replica_id"])
        deployed.apply()
        assert is_alive(first["engine_pid"])
        assert is_alive(first["supervisor_pid"])


def test_the_first_replica_waits_for_the_warmer_that_comes_with_it_and_is_warm(
    ray: RayCluster,
) -> None:
    warmer = warmer_application(engine="fake")
    patient = {"start_deadline_seconds": 600, "idle_deadline_seconds": 600}
    try:
        with Deployed(ray, "first", beside=[warmer], warm=True, **patient) as deployed:
            report = deployed.wait_report(lambda r: r["phase"] == "ready", 400)
            assert report["how"] == "warm", report["how_reason"]
    finally:
        ray.serve([])


def test_a_warmer_that_nobody_asked_for_is_not_waited_for(ray: RayCluster) -> None:
    wait_until(lambda: not ray.applications(), 60, "the end of what ran before")
    with Deployed(ray, "alone", warm=True) as deployed:
        report = deployed.wait_ready()
        assert (report["how"], report["how_reason"]) == ("cold", "this node has no warmer")
