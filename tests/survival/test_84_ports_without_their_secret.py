"""84. Ray's and the engines' ports without their secret: refused."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from support.ray_cluster import SERVE_PATH, RayCluster
from support.serve import Deployed, Report

pytestmark = pytest.mark.survival

Call = tuple[str, str, dict[str, Any] | None]

RAY_CALLS: list[Call] = [
    ("GET", SERVE_PATH, None),
    ("PUT", SERVE_PATH, {"applications": []}),
    ("DELETE", SERVE_PATH, None),
    ("POST", "/api/jobs/", {"entrypoint": "true"}),
    ("GET", "/api/jobs/", None),
    ("GET", "/api/cluster_status", None),
    ("GET", "/nodes?view=summary", None),
]
ENGINE_CALLS: list[Call] = [
    ("GET", "/health", None),
    ("GET", "/metrics", None),
    ("GET", "/v1/models", None),
    ("POST", "/v1/chat/completions", {"model": "secret-keeper", "messages": []}),
    ("POST", "/v1/load_lora_adapter", {"lora_name": "a", "lora_path": "/tmp"}),
    ("GET", "/docs", None),
]


def status_of(
    url: str, method: str, body: object = None, headers: dict[str, str] | None = None
) -> int:
    request = urllib.request.Request(
        url,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"content-type": "application/json", **(headers or {})},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.fixture
def report(ray: RayCluster) -> Iterator[Report]:
    """What a ready engine told, its address and its secret among it."""
    with Deployed(ray, "secret-keeper") as deployed:
        yield deployed.wait_report(lambda r: r["phase"] == "ready", 60)


@pytest.mark.parametrize("token", [None, "wrong"])
def test_84_ray_does_nothing_without_its_token(
    ray: RayCluster, report: Report, token: str | None
) -> None:
    shown = {} if token is None else {"authorization": f"Bearer {token}"}
    refused = {
        (method, path): status_of(ray.url + path, method, body, shown)
        for method, path, body in RAY_CALLS
    }
    assert set(refused.values()) <= {401, 403}, refused
    assert list(ray.applications()) == ["secret-keeper"]
    assert status_of(report["endpoint"] + "/health", "GET", None, secret(report)) == 200


@pytest.mark.parametrize("wrong", [None, "wrong", ""])
def test_84_an_engine_answers_nothing_without_its_secret(report: Report, wrong: str | None) -> None:
    shown = {} if wrong is None else {"x-engine-secret": wrong}
    refused = {
        (method, path): status_of(report["endpoint"] + path, method, body, shown)
        for method, path, body in ENGINE_CALLS
    }
    assert set(refused.values()) == {401}, refused


def secret(report: Report) -> dict[str, str]:
    return {"x-engine-secret": report["secret"]}
