"""Errors are problem documents that say what is wrong and what to do."""

import asyncio
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy.exc import OperationalError

from support.application import Running
from vllm_manager.kit.errors import ProblemDetails

pytestmark = pytest.mark.integration

DEPLOYMENTS = "/api/v1/deployments"


async def problem(control: Running, method: str, path: str, **more: Any) -> ProblemDetails:
    """Send a request as the administrator and return the problem that it is answered with."""
    headers = {**control.bearer, **more.pop("headers", {})}
    answer = await control.client.request(method, path, headers=headers, **more)
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    found = ProblemDetails.model_validate(answer.json())
    assert found.status == answer.status_code
    assert found.request_id == answer.headers["x-request-id"]
    return found


async def test_an_unknown_address_is_not_found(control: Running) -> None:
    for path in ("/api/v1/nothing", "/v1/models", "/internal/v1/nothing", "/assets/gone.js"):
        assert (await problem(control, "GET", path)).code == "route_not_found"


async def test_a_method_that_an_address_does_not_know_is_named(control: Running) -> None:
    assert (await problem(control, "DELETE", "/version")).code == "method_not_allowed"


async def test_the_gateways_request_id_is_kept_and_a_bad_one_replaced(control: Running) -> None:
    found = await problem(control, "GET", "/api/v1/x", headers={"x-request-id": "req_from-gateway"})
    assert found.request_id == "req_from-gateway"
    found = await problem(control, "GET", "/api/v1/x", headers={"x-request-id": "a b\tc"})
    assert found.request_id is not None
    assert found.request_id.startswith("req_")


async def test_an_unknown_field_is_named_with_its_nearest_neighbour(control: Running) -> None:
    body = {"name": "a", "model": "demo", "replica": 1, "resources": {"cpu": 1}}
    found = await problem(control, "POST", DEPLOYMENTS, json=body)
    assert found.code == "invalid_request"
    suggestions = {error.field: error.suggestion for error in found.errors}
    assert suggestions == {"replica": "replicas", "resources.cpu": "cpus"}


async def test_wrong_fields_are_told_in_words_with_their_paths(control: Running) -> None:
    body = {"name": "Not A Name", "replicas": "many", "resources": {"cpus": -1}}
    found = await problem(control, "POST", DEPLOYMENTS, json=body)
    messages = {error.field: error.message for error in found.errors}
    assert messages["model"] == "This is required."
    assert messages["replicas"] == "Must be a whole number."
    assert messages["resources.cpus"] == "Must be greater than 0."
    assert "name" in messages


async def test_a_wrong_query_is_told_as_well(control: Running) -> None:
    found = await problem(control, "GET", f"{DEPLOYMENTS}?limit=0")
    assert [error.field for error in found.errors] == ["limit"]
    found = await problem(control, "GET", f"{DEPLOYMENTS}?cursor=%21%21")
    assert [error.field for error in found.errors] == ["cursor"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"{", "Expecting"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": 1e999}', "too large"),
        (b'{"a": "\\u0000"}', "NUL"),
        (b'{"a": "\\ud800"}', "surrogate"),
        (b"[" * 100 + b"]" * 100, "deeper than 64"),
        (b"[" * 400_000, "deeper than 64"),
        (b'{"a": ' + b"9" * 5000 + b"}", ""),
        (b"\xff\xfe\xff", ""),
    ],
)
async def test_json_that_is_not_plain_is_refused(
    control: Running, content: bytes, why: str
) -> None:
    headers = {"content-type": "application/json"}
    found = await problem(control, "POST", DEPLOYMENTS, content=content, headers=headers)
    assert found.code == "invalid_json"
    assert why in found.detail


async def test_a_body_of_two_mebibytes_is_refused_before_it_is_read(control: Running) -> None:
    headers = {"content-type": "application/json"}
    found = await problem(control, "POST", DEPLOYMENTS, content=b" " * (2 << 20), headers=headers)
    assert found.code == "body_too_large"


async def test_a_body_without_a_declared_size_is_cut_off_at_the_limit(control: Running) -> None:
    async def chunks():
        while True:
            yield b" " * 65_536

    headers = {"content-type": "application/json"}
    found = await problem(control, "POST", DEPLOYMENTS, content=chunks(), headers=headers)
    assert found.code == "body_too_large"


async def test_a_form_is_no_json(control: Running) -> None:
    found = await problem(control, "POST", DEPLOYMENTS, data={"name": "a"})
    assert found.code == "unsupported_media_type"


async def test_a_nul_character_in_an_address_is_refused(control: Running) -> None:
    assert (await problem(control, "GET", f"{DEPLOYMENTS}/a%00b")).status == 400
    assert (await problem(control, "GET", f"{DEPLOYMENTS}?q=%00")).status == 400


def add_failing_route(app: FastAPI, error: Exception) -> None:
    async def fail() -> None:
        raise error

    app.add_api_route("/api/v1/fails", fail)


async def test_an_unforeseen_error_tells_nothing_but_its_request_id(
    control: Running, caplog: pytest.LogCaptureFixture
) -> None:
    add_failing_route(control.app, RuntimeError("a secret detail"))
    found = await problem(control, "GET", "/api/v1/fails")
    assert (found.status, found.code) == (500, "internal_error")
    assert "secret" not in found.model_dump_json()
    assert "a secret detail" in caplog.text
    assert found.request_id is not None
    assert found.request_id in caplog.text


async def test_a_full_disk_is_named(control: Running) -> None:
    add_failing_route(
        control.app, OperationalError("", {}, sqlite3.OperationalError("disk is full"))
    )
    found = await problem(control, "GET", "/api/v1/fails")
    assert (found.status, found.code, found.retry_after_seconds) == (503, "storage_full", 5)


@pytest.mark.sqlite
async def test_a_database_that_is_gone_is_told_with_a_time_to_retry(control: Running) -> None:
    def hide() -> None:
        file = control.home / "vllm-manager.db"
        with closing(sqlite3.connect(file, timeout=60)) as connection, connection:
            connection.execute("ALTER TABLE keys RENAME TO hidden")

    await asyncio.to_thread(hide)  # a loop of the application's may hold the write lock
    answer = await control.client.get("/api/v1/auth/me", headers=control.bearer)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["code"] == "database_busy"


async def test_every_answer_carries_the_security_headers(control: Running) -> None:
    for path in ("/healthz", "/api/v1/nothing", "/docs", "/"):
        headers = (await control.client.get(path, headers={"accept": "text/html"})).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "script-src 'unsafe" not in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "server" not in headers
