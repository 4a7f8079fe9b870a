"""The product's log over HTTP, and errors from browsers."""

import json
import logging
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Any

import pytest

from fakes.clock import FakeClock
from support.application import Running, running_in
from vllm_manager.kit.logs import configure
from vllm_manager.monitoring.logs import BrowserErrors
from vllm_manager.monitoring.logs.schemas import ClientError

pytestmark = pytest.mark.integration


@pytest.fixture
def written(tmp_path: Path) -> Generator[Path]:
    """The log of this process in the product's folder, as the control plane has it."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    configure("control-plane", "debug", folder=tmp_path / "logs")
    yield tmp_path / "logs" / "control-plane.log"
    for handler in root.handlers:
        handler.close()
    root.handlers[:], root.level = before, level


@pytest.fixture
async def control(tmp_path: Path, written: Path) -> AsyncGenerator[Running]:
    async with running_in(tmp_path) as running:
        yield running


async def lines(control: Running, **query: Any) -> list[dict[str, Any]]:
    answer = await control.client.get("/api/v1/logs", params=query, headers=control.bearer)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def test_what_a_request_logs_is_found_by_its_id(control: Running) -> None:
    mine = {**control.bearer, "x-request-id": "req_mine"}
    answer = await control.client.get("/api/v1/deployments/none", headers=mine)
    assert answer.headers["x-request-id"] == "req_mine"
    found = await lines(control, request_id="req_mine")
    assert [one["request_id"] for one in found] == ["req_mine"] * len(found)
    assert any(one["message"].startswith("GET /api/v1/deployments/{name} 404") for one in found)


async def test_the_log_is_for_operators(control: Running) -> None:
    assert (await control.client.get("/api/v1/logs")).status_code == 401
    answer = await control.client.get("/api/v1/logs?level=loud", headers=control.bearer)
    assert answer.status_code == 422


async def test_the_log_is_taken_out_as_a_file(control: Running) -> None:
    path = "/api/v1/logs/download?format=jsonl&process=control-plane"
    answer = await control.client.get(path, headers=control.bearer)
    assert answer.headers["content-disposition"] == 'attachment; filename="vllm-manager.jsonl"'
    assert {json.loads(one)["process"] for one in answer.text.splitlines()} == {"control-plane"}


async def test_an_error_in_a_browser_is_in_the_log_under_its_request(control: Running) -> None:
    csrf = await control.log_in()
    error = {
        "kind": "request",
        "message": "it \x1b[2J broke\nINFO forged",
        "stack": "at x\nat y\x07 hf_" + "a" * 30,
        "page": "/deployments",
        "request_id": "req_broken",
        "count": 3,
    }
    answer = await control.client.post(
        "/api/v1/client-errors", json={"errors": [error]}, headers=csrf
    )
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1, "dropped": 0})
    found = await lines(control, process="browser")
    assert [(one["level"], one["message"]) for one in found] == [
        ("warning", "it \\x1b[2J broke\\x0aINFO forged")
    ]
    assert found[0]["request_id"] == "req_broken"
    assert found[0]["exception"] == "at x\nat y\\x07 hf_…"
    assert found[0]["fields"] == {
        "kind": "request",
        "user": control.username,
        "page": "/deployments",
        "count": 3,
    }


@pytest.mark.parametrize(
    "error",
    [
        {"kind": "made-up", "message": "x"},
        {"kind": "uncaught", "message": ""},
        {"kind": "uncaught", "message": "x" * 1001},
        {"kind": "uncaught", "message": "x", "level": "critical"},
        {"kind": "uncaught", "message": "x", "request_id": "a b\nc"},
    ],
)
async def test_what_is_no_such_error_is_refused(control: Running, error: dict[str, Any]) -> None:
    csrf = await control.log_in()
    answer = await control.client.post(
        "/api/v1/client-errors", json={"errors": [error]}, headers=csrf
    )
    assert answer.status_code == 422


async def test_errors_of_browsers_need_a_login_and_its_token(control: Running) -> None:
    body = {"errors": [{"kind": "uncaught", "message": "x"}]}
    assert (await control.client.post("/api/v1/client-errors", json=body)).status_code == 401
    await control.log_in()
    assert (await control.client.post("/api/v1/client-errors", json=body)).status_code == 403


def test_a_session_and_all_together_may_tell_so_much_a_minute() -> None:
    clock = FakeClock()
    errors = BrowserErrors(clock)
    many = [ClientError(kind="uncaught", message="x")] * 30
    assert errors.take(many, "a", "ada") == 20
    assert errors.take(many, "a", "ada") == 0
    assert [errors.take(many, session, "ada") for session in "bcdef"] == [20, 20, 20, 20, 0]
    clock.advance(30)
    assert errors.take(many, "a", "ada") == 10


async def test_a_deployment_s_output_is_listed_by_try_and_taken_out(control: Running) -> None:
    spec = {"name": "demo", "model": "demo", "engine": "vllm", "start": False}
    made = await control.client.post("/api/v1/deployments", json=spec, headers=control.bearer)
    assert made.status_code == 202, made.text
    told = {
        "deployment": "demo",
        "uid": made.json()["deployment"]["uid"],
        "generation": 1,
        "attempt": 2,
        "replica_id": "r1",
        "incarnation": "life-1",
        "sequence": 1,
        "phase": "ready",
        "phase_seconds": 1.0,
        "idle_seconds": 0.0,
        "log": [
            {"number": 5, "at": "2026-01-01T12:00:00Z", "stream": "stderr", "text": "<b>x</b>"}
        ],
        "log_first": 5,
    }
    token = control.token("report_token")
    answer = await control.client.post("/internal/v1/reports", json=told, headers=token)
    assert answer.json() == {"log_next": 6}
    path = "/api/v1/deployments/demo/logs"
    (one,) = (await control.client.get(f"{path}/attempts", headers=control.bearer)).json()["items"]
    assert (one["attempt"], one["state"], one["lines_dropped"]) == (2, "running", 4)
    text = await control.client.get(f"{path}/download?attempt=2", headers=control.bearer)
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    assert text.text.splitlines() == [
        "2026-01-01T12:00:00.000Z … 4 lines were dropped here …",
        "2026-01-01T12:00:00.000Z <b>x</b>",
    ]
    figures = (await control.client.get("/metrics", headers=control.bearer)).text
    labels = '{deployment="demo",replica="r1"}'
    assert f"vllm_manager_engine_log_lines_dropped_total{labels} 4" in figures
    assert f"vllm_manager_engine_log_lines_total{labels} 1" in figures
