"""Real vLLM under real Ray Serve: its routes are guarded, and the death of its core is seen."""

import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from support.engines import is_alive
from support.pace import slowness
from support.ray_cluster import RayCluster, wait_until
from support.serve import Deployed, Report
from vllm_manager_engine import engine_core
from vllm_manager_engine.request_lines import PROBE_ID

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def deployed(ray: RayCluster) -> Iterator[Deployed]:
    with Deployed(ray, "real", engine="vllm", cpus=1.0, start_deadline_seconds=400) as deployed:
        yield deployed


@pytest.fixture(scope="module")
def ready(deployed: Deployed) -> Report:
    return deployed.wait_report(lambda r: r["phase"] == "ready", 400)


def heaviest(parent: psutil.Process) -> psutil.Process:
    """Return the child that holds the most memory."""
    return max(parent.children(), key=lambda process: process.memory_info().rss)


def core_of(report: Report) -> psutil.Process:
    """Return the engine core: below the API server, beside the tracker of its resources."""
    return heaviest(psutil.Process(report["engine_pid"]))


def status_of(
    report: Report, path: str, secret: str | None, body: Any = None, request_id: str = "req_test"
) -> int:
    headers = {"Content-Type": "application/json", "x-request-id": request_id}
    headers |= {"x-engine-secret": secret} if secret else {}
    request = urllib.request.Request(
        report["endpoint"] + path,
        headers=headers,
        data=None if body is None else json.dumps(body).encode(),
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_it_goes_through_its_phases_and_generates(ready: Report) -> None:
    assert [s["phase"] for s in ready["timeline"]] == ["starting", "loading", "warming"]
    chat = {"model": "real", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 4}
    assert status_of(ready, "/v1/chat/completions", ready["secret"], chat) == 200


@pytest.mark.parametrize("path", ["/health", "/metrics", "/v1/models", "/ping", "/docs", "/load"])
def test_no_route_is_open_without_the_secret(ready: Report, path: str) -> None:
    assert status_of(ready, path, None) == 401
    assert status_of(ready, path, "wrong") == 401


@pytest.mark.parametrize("path", ["/invocations", "/ping", "/docs", "/openapi.json", "/load"])
def test_routes_that_nobody_needs_do_not_exist_even_with_it(ready: Report, path: str) -> None:
    assert status_of(ready, path, ready["secret"]) == 404


def test_the_secret_is_on_no_command_line(ready: Report) -> None:
    engine = psutil.Process(ready["engine_pid"])
    for process in (engine, engine.parent(), *engine.children(recursive=True)):
        assert process is not None
        assert ready["secret"] not in " ".join(process.cmdline())


def test_a_request_is_named_in_the_log_by_the_gateway_s_id_and_probes_are_not(
    deployed: Deployed, ready: Report
) -> None:
    body = {
        "model": "real",
        "messages": [{"role": "user", "content": "private words"}],
        "max_tokens": 3,
        "stop": ["private stop"],
    }
    path, wanted = "/v1/chat/completions", "req_followed"
    assert status_of(ready, path, ready["secret"], body, wanted) == 200

    def lines() -> list[str]:
        return [line["text"] for report in deployed.reports.received for line in report["log"]]

    wait_until(lambda: any(wanted in line for line in lines()), 30, "the log to name it")
    [received] = [line for line in lines() if f"Received request chatcmpl-{wanted}" in line]
    assert "max_tokens=3" in received
    assert "private" not in "\n".join(lines())
    assert PROBE_ID not in "\n".join(lines())


def test_its_processes_have_the_titles_that_vllm_gives_them(ready: Report) -> None:
    core = core_of(ready)
    assert core.name().startswith("VLLM::EngineCor")
    assert heaviest(core).name().startswith("VLLM::Worker")
    assert {core.pid, heaviest(core).pid} <= {
        pid for pid, _ in engine_core.workers(ready["engine_pid"])
    }


def test_an_idle_model_costs_next_to_nothing(deployed: Deployed, ready: Report) -> None:
    worker = heaviest(core_of(ready))
    before, began = worker.cpu_times(), time.monotonic()
    deployed.wait_report(lambda r: r["sequence"] > ready["sequence"] + 6, 60)
    after, seconds = worker.cpu_times(), time.monotonic() - began
    used = (after.user + after.system) - (before.user + before.system)
    assert used / seconds < 0.2


def test_the_death_of_its_core_is_seen_within_five_seconds(
    deployed: Deployed, ready: Report
) -> None:
    members = [p.pid for p in psutil.Process(ready["engine_pid"]).children(recursive=True)]
    os.kill(core_of(ready).pid, signal.SIGKILL)
    failed = deployed.wait_report(
        lambda r: r["incarnation"] == ready["incarnation"] and r["phase"] == "failed",
        5 * slowness(),
    )
    assert failed["failure"]["code"] == "core_killed"
    wait_until(lambda: not any(map(is_alive, members)), 60, "the end of the engine")
