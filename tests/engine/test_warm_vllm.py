"""Real vLLM, warm and cold, under real Ray Serve: the same engine either way."""

import json
import os
import re
import signal
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psutil
import pytest

from support.engines import is_alive
from support.pace import slowness
from support.ray_cluster import RayCluster, wait_until
from support.serve import Deployed, Report, warmer_application

pytestmark = [pytest.mark.engine, pytest.mark.slow]

_REQUESTS = 50
SAID_ON_IMPORT = re.compile("platform|Triton|[Ii]mport")
"""What vLLM says while it is imported: of a warm engine that was before it began."""
_NUMBER = re.compile(r"[0-9a-f]{8,}|\d[\d.:,x-]*")


@dataclass(frozen=True)
class Seen:
    """What one engine did."""

    report: Report
    texts: list[str]
    metrics: set[str]
    lines: list[str]
    end: dict[str, str]
    """How it ended when it was told to by SIGTERM."""


def ask(report: Report, path: str, body: Any = None) -> str:
    request = urllib.request.Request(
        report["endpoint"] + path,
        headers={"Content-Type": "application/json", "x-engine-secret": report["secret"]},
        data=None if body is None else json.dumps(body).encode(),
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read().decode()


def greedy(report: Report, number: int) -> str:
    body = {
        "model": report["deployment"],
        "prompt": f"Question {number}: what is vLLM Manager, and how is a model number {number}",
        "max_tokens": 24,
        "temperature": 0,
    }
    return json.loads(ask(report, "/v1/completions", body))["choices"][0]["text"]


def look(deployed: Deployed) -> Seen:
    report = deployed.wait_report(lambda r: r["phase"] == "ready", 400)
    texts = [greedy(report, number) for number in range(_REQUESTS)]
    metrics = {
        line.split("{")[0].split(" ")[0]
        for line in ask(report, "/metrics").splitlines()
        if line.startswith("vllm:")
    }
    told = lines(deployed)
    os.kill(report["engine_pid"], signal.SIGTERM)
    return Seen(report, texts, metrics, told, failure(deployed))


def lines(deployed: Deployed) -> list[str]:
    """Return the engine's log so far, without what differs between any two starts."""
    seen = {line["number"]: line["text"] for r in deployed.reports.received for line in r["log"]}
    return [_words(text) for _, text in sorted(seen.items())]


def failure(deployed: Deployed) -> dict[str, str]:
    """Wait for the engine's end, and return how the supervisor tells of it."""
    told = deployed.wait_report(lambda r: r["failure"] is not None, 400)["failure"]
    return {name: _NUMBER.sub("#", str(value)) for name, value in told.items()}


def _words(line: str) -> str:
    """Return a line without what differs between any two starts.

    Sets are printed in an order of their own in each process: `Methods: GET, HEAD`.
    """
    text, methods, listed = _NUMBER.sub("#", line.partition("] ")[2] or line).partition("Methods: ")
    return text + methods + ", ".join(sorted(listed.split(", ")))


@pytest.fixture(scope="module")
def warmer(ray: RayCluster) -> Iterator[dict[str, Any]]:
    application = warmer_application()
    yield application
    ray.serve([])


@pytest.fixture(scope="module")
def engines(ray: RayCluster, warmer: dict[str, Any]) -> dict[str, Seen]:
    seen: dict[str, Seen] = {}
    for how in ("warm", "cold"):
        with Deployed(
            ray, "same", beside=[warmer], engine="vllm", cpus=1.0, warm=how == "warm",
            start_deadline_seconds=400, idle_deadline_seconds=400,
        ) as deployed:  # fmt: skip
            seen[how] = look(deployed)
    return seen


def test_the_first_start_waits_for_the_spare_and_is_warm(engines: dict[str, Seen]) -> None:
    assert engines["warm"].report["how"] == "warm"
    assert engines["cold"].report["how_reason"] == "warm starts are switched off"


def test_fifty_greedy_requests_are_answered_the_same(engines: dict[str, Seen]) -> None:
    assert engines["warm"].texts == engines["cold"].texts
    assert len(set(engines["warm"].texts)) > 1


def test_the_metrics_are_the_same(engines: dict[str, Seen]) -> None:
    assert engines["warm"].metrics == engines["cold"].metrics


def test_the_log_says_the_same(engines: dict[str, Seen]) -> None:
    warm, cold = (set(engines[how].lines) for how in ("warm", "cold"))
    assert {line for line in cold - warm if not SAID_ON_IMPORT.search(line)} == set()
    assert warm - cold == set()
    assert len(warm) > 20


def test_an_engine_that_is_told_to_end_ends_the_same_way(engines: dict[str, Seen]) -> None:
    assert engines["warm"].end == engines["cold"].end


def test_a_bad_argument_is_refused_the_same_way(ray: RayCluster, warmer: dict[str, Any]) -> None:
    refused: dict[str, dict[str, str]] = {}
    for how in ("warm", "cold"):
        with Deployed(
            ray, "bad", beside=[warmer], engine="vllm", cpus=1.0, warm=how == "warm",
            arguments=["--max-model-len", "7000000"], start_deadline_seconds=400,
        ) as deployed:  # fmt: skip
            refused[how] = failure(deployed)
    assert refused["warm"] == refused["cold"]


def seconds(report: Report) -> float:
    """Return how long a start took, from the hand-over to the proved token."""
    return sum(step["seconds"] for step in report["timeline"] if step["phase"] != "ready")


def test_three_replicas_asked_for_at_once_are_warm_and_none_is_slower_than_a_cold_one(
    ray: RayCluster, warmer: dict[str, Any], engines: dict[str, Seen]
) -> None:
    with Deployed(
        ray, "three", replicas=3, beside=[warmer], engine="vllm", cpus=1.0, warm=True,
        start_deadline_seconds=400,
    ) as deployed:  # fmt: skip

        def ready() -> dict[str, Report]:
            found = [r for r in list(deployed.reports.received) if r["phase"] == "ready"]
            return {r["replica_id"]: r for r in found}

        wait_until(lambda: len(ready()) == 3, 400, "three replicas")
        assert {r["how"] for r in ready().values()} == {"warm"}
        took = [seconds(r) for r in ready().values()]
        assert max(took) <= 1.1 * seconds(engines["cold"].report) * slowness(), took


def test_no_engine_process_is_left_one_second_after_its_replica_was_killed(
    ray: RayCluster, warmer: dict[str, Any]
) -> None:
    with Deployed(
        ray, "killed", beside=[warmer], engine="vllm", cpus=1.0, warm=True,
        start_deadline_seconds=400,
    ) as deployed:  # fmt: skip
        report = deployed.wait_report(lambda r: r["phase"] == "ready", 400)
        guard = psutil.Process(report["engine_pid"]).parent()
        assert guard is not None
        members = [guard.pid, *(p.pid for p in guard.children(recursive=True))]
        assert len(members) >= 4
        os.kill(report["supervisor_pid"], signal.SIGKILL)
        began = time.monotonic()
        wait_until(lambda: not any(map(is_alive, members)), 10, "the engine's end")
        assert time.monotonic() - began <= 1.0 * slowness()
