"""Every route of an engine needs its secret, and only the routes in use exist."""

from collections.abc import MutableMapping
from typing import Any

import pytest

from vllm_manager_engine.secret import VARIABLE, RequireSecret

Message = MutableMapping[str, Any]


async def status_of(
    monkeypatch: pytest.MonkeyPatch, path: str, headers: list[tuple[bytes, bytes]]
) -> int:
    sent: list[Message] = []

    async def engine(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    monkeypatch.setenv(VARIABLE, "s3cret")
    scope = {"type": "http", "path": path, "headers": headers}
    await RequireSecret(engine)(scope, receive, send)
    return sent[0]["status"]


GOOD = [(b"x-engine-secret", b"s3cret")]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/health", "/metrics", "/tokenize"])
async def test_the_secret_opens_what_is_needed(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    assert await status_of(monkeypatch, path, GOOD) == 200


@pytest.mark.parametrize("path", ["/v1/models", "/health", "/metrics", "/ping", "/docs"])
@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"x-engine-secret", b"wrong")],
        [(b"x-engine-secret", b"")],
        [(b"x-engine-secret", b"s3cret"), (b"x-engine-secret", b"wrong")],
    ],
)
async def test_without_it_nothing_is_open(
    monkeypatch: pytest.MonkeyPatch, path: str, headers: list[tuple[bytes, bytes]]
) -> None:
    assert await status_of(monkeypatch, path, headers) == 401


@pytest.mark.parametrize(
    "path",
    ["/invocations", "/pause", "/sleep", "/scale_elastic_ep", "/v1/load_lora_adapter",
     "/inference/v1/generate", "/docs", "/openapi.json", "/v1", "//v1/models"],
)  # fmt: skip
async def test_even_with_it_other_routes_do_not_exist(
    monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    assert await status_of(monkeypatch, path, GOOD) == 404


async def test_websockets_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Message] = []

    async def engine(_scope: Any, _receive: Any, _send: Any) -> None:
        raise AssertionError("reached")

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    monkeypatch.setenv(VARIABLE, "s3cret")
    scope = {"type": "websocket", "path": "/v1/realtime", "headers": GOOD}
    await RequireSecret(engine)(scope, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_an_engine_without_a_secret_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    async def engine(_scope: Any, _receive: Any, _send: Any) -> None: ...

    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(RuntimeError, match="open to anyone"):
        RequireSecret(engine)
