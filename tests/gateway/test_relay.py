"""What is not the gateway's own reaches the control plane, streaming both ways."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.gateway import Rig, rig
from support.http_server import Exchange

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.integration]


async def test_a_request_arrives_as_it_was_sent(one: Rig) -> None:
    response = await one.gateway.client.put(
        "/api/v1/x%2Fy?a=1&b=%20", content=b"body", headers={"x-mine": "1", "cookie": "a=b"}
    )
    seen = response.json()
    assert (seen["method"], seen["path"]) == ("PUT", "/api/v1/x%2Fy?a=1&b=%20")
    assert seen["headers"]["x-mine"] == "1"
    assert seen["headers"]["cookie"] == "a=b"
    assert seen["body_bytes"] == 4


async def test_the_control_plane_learns_who_asks(one: Rig) -> None:
    seen = (await one.gateway.client.get("/api/v1/me")).json()["headers"]
    assert seen["x-forwarded-for"] == "127.0.0.1"
    assert seen["x-forwarded-proto"] == "http"
    assert seen["x-forwarded-host"] == seen["host"]
    assert seen["x-request-id"].startswith("req_")


async def test_a_proxy_on_this_machine_is_believed(one: Rig) -> None:
    headers = {"x-forwarded-for": "10.0.0.9", "x-forwarded-proto": "https"}
    seen = (await one.gateway.client.get("/api/v1/me", headers=headers)).json()["headers"]
    assert seen["x-forwarded-for"] == "10.0.0.9"
    assert seen["x-forwarded-proto"] == "https"


async def test_hop_by_hop_headers_stay_on_their_hop(one: Rig) -> None:
    headers = {
        "connection": "keep-alive, x-private",
        "x-private": "1",
        "te": "trailers",
        "upgrade": "h2c",
        "x-engine-secret": "forged",
    }
    seen = (await one.gateway.client.get("/api/v1/me", headers=headers)).json()["headers"]
    assert not {"x-private", "te", "upgrade", "connection", "x-engine-secret"} & set(seen)


async def test_several_cookies_are_set(one: Rig) -> None:
    async def two_cookies(exchange: Exchange) -> None:
        exchange.write(
            b"HTTP/1.1 200 OK\r\nset-cookie: a=1\r\nset-cookie: b=2\r\nserver: uvicorn\r\n"
            b"content-length: 2\r\n\r\nok"
        )

    one.control.answer_relayed = two_cookies
    response = await one.gateway.client.post("/api/v1/auth/login")
    assert response.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert "server" not in response.headers


async def test_events_are_passed_on_as_they_come(one: Rig) -> None:
    go_on = asyncio.Event()

    async def events(exchange: Exchange) -> None:
        exchange.start(content_type="text/event-stream")
        await exchange.chunk(b"event: heartbeat\ndata: {}\n\n")
        await go_on.wait()
        await exchange.chunk(b"event: deployment\ndata: {}\n\n")
        exchange.end()

    one.control.answer_relayed = events
    async with one.gateway.client.stream("GET", "/api/v1/events") as response:
        stream = response.aiter_bytes()
        assert b"heartbeat" in await anext(stream)
        go_on.set()
        assert b"deployment" in await anext(stream)


async def test_a_browser_that_leaves_its_events_is_let_go(one: Rig) -> None:
    async def events(exchange: Exchange) -> None:
        exchange.start(content_type="text/event-stream")
        await exchange.chunk(b": hello\n\n")
        await exchange.gone.wait()

    one.control.answer_relayed = events
    async with one.gateway.client.stream("GET", "/api/v1/events") as response:
        await anext(response.aiter_bytes())
    await asyncio.wait_for(one.control.relayed[0].gone.wait(), 30)


async def test_a_chunked_upload_is_passed_on(one: Rig) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield b"x" * 100_000

    response = await one.gateway.client.post("/api/v1/files", content=pieces())
    assert response.json()["body_bytes"] == 5_000_000


async def test_head_has_no_body_and_keeps_its_length(one: Rig) -> None:
    async def head(exchange: Exchange) -> None:
        exchange.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1234\r\n\r\n")

    one.control.answer_relayed = head
    response = await one.gateway.client.head("/")
    assert (response.status_code, response.headers["content-length"]) == (200, "1234")


@pytest.mark.parametrize("status", [204, 304])
async def test_an_answer_without_a_body_ends(one: Rig, status: int) -> None:
    async def empty(exchange: Exchange) -> None:
        exchange.write(f"HTTP/1.1 {status} X\r\n\r\n".encode())

    one.control.answer_relayed = empty
    assert (await one.gateway.client.get("/")).status_code == status


async def test_an_answer_that_ends_with_its_connection_is_whole(one: Rig) -> None:
    async def until_close(exchange: Exchange) -> None:
        exchange.write(b"HTTP/1.1 200 OK\r\n\r\nall of it")
        exchange.finish()

    one.control.answer_relayed = until_close
    assert (await one.gateway.client.get("/")).text == "all of it"


async def test_while_the_control_plane_is_away_programs_get_a_problem(one: Rig) -> None:
    await one.control.kill()
    response = await one.gateway.client.get("/api/v1/deployments")
    assert response.status_code == 503
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["retry-after"] == "3"
    problem = response.json()
    assert problem["code"] == "control_plane_away"
    assert problem["retryable"]
    assert problem["request_id"] == response.headers["x-request-id"]


async def test_while_the_control_plane_is_away_people_get_a_page_that_reloads(one: Rig) -> None:
    await one.control.kill()
    response = await one.gateway.client.get("/", headers={"accept": "text/html,*/*"})
    assert response.status_code == 503
    assert 'http-equiv="refresh"' in response.text
    assert "http://" not in response.text


async def test_the_control_plane_s_own_pages_about_health_are_reachable(one: Rig) -> None:
    for path in ("/healthz", "/readyz", "/metrics", "/docs", "/openapi.json"):
        assert (await one.gateway.client.get(path)).json()["path"] == path


@pytest.mark.parametrize(
    "path",
    [
        "/internal/v1/gateway/snapshots",
        "/internal",
        "//internal/v1/reports",
        "/%69nternal/v1/reports",
        "/./internal/v1/reports",
        "/x/../internal/v1/reports",
        "/x/%2e%2e/internal/v1/reports",
        "/\\internal/v1/reports",
        "/INTERNAL/v1/reports",
        "/gateway/other",
    ],
)
async def test_what_is_internal_is_not_there(one: Rig, path: str) -> None:
    answer = await one.raw(f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "not_found"
    assert one.control.relayed == []


async def test_who_is_no_trusted_proxy_is_not_believed(tmp_path: Path) -> None:
    headers = {"x-forwarded-for": "10.0.0.9", "x-forwarded-proto": "https"}
    async with rig(tmp_path, trusted_proxies=("192.0.2.0/24",)) as made:
        seen = (await made.gateway.client.get("/api/v1/me", headers=headers)).json()["headers"]
    assert seen["x-forwarded-for"] == "127.0.0.1"
    assert seen["x-forwarded-proto"] == "http"
