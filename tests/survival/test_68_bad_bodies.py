"""68. A 100 MB body, deep JSON, duplicate keys, NaN: refused readably, in bounded memory."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from support.gateway import AUTHORIZATION, Rig, chat_request, rig

MEBIBYTE = 1 << 20
BAD = {
    "deep arrays": b'{"model": "demo", "x": ' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}",
    "deep objects": b'{"a":' * 500_000 + b"1" + b"}" * 500_000,
    "unclosed": b"[" * 1_000_000,
    "duplicate key": b'{"model": "demo", "model": "other"}',
    "NaN": b'{"model": "demo", "temperature": NaN}',
    "infinity": b'{"model": "demo", "temperature": -Infinity}',
    "not JSON": b"model=demo",
    "not an object": b"[]",
    "not text": b"\xff\xfe\x00",
    "empty": b"",
    "no model": b"{}",
    "lone surrogate": b'{"model": "\\ud800"}',
}


def worker_bytes(made: Rig) -> int:
    (worker,) = made.gateway.worker_pids
    return psutil.Process(worker).memory_info().rss


@pytest.mark.survival
async def test_68_every_bad_body_is_answered_400_in_the_api_s_shape(tmp_path: Path) -> None:
    async with rig(tmp_path) as made:
        (worker,) = made.gateway.worker_pids
        headers = {**AUTHORIZATION, "content-type": "application/json"}
        for name, body in BAD.items():
            response = await made.gateway.client.post(
                "/v1/chat/completions", content=body, headers=headers
            )
            assert response.status_code == 400, name
            assert set(response.json()["error"]) == {"message", "type", "param", "code"}, name
        assert made.engine.exchanges == []
        assert made.gateway.worker_pids == [worker]
        assert (await made.gateway.chat()).status_code == 200


@pytest.mark.survival
async def test_68_a_declared_100_mb_body_is_refused_before_it_is_sent(tmp_path: Path) -> None:
    async with rig(tmp_path) as made:
        head = chat_request(b"x" * 100_000_000).partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", made.gateway.config.port)
        writer.write(head + b'{"model":')
        async with asyncio.timeout(60):
            answer = await reader.readuntil(b"\r\n\r\n")
            body = json.loads(await reader.readuntil(b"}}"))
        writer.close()
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert "32 MiB" in body["error"]["message"]


@pytest.mark.survival
@pytest.mark.parametrize("declared", [True, False], ids=["declared", "chunked"])
async def test_68_a_100_mb_body_is_refused_in_bounded_memory(
    tmp_path: Path, *, declared: bool
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 1_000_000

    async with rig(tmp_path) as made:
        headers = {**AUTHORIZATION, "content-type": "application/json"}
        if declared:
            headers["content-length"] = "100000000"
        responses = await asyncio.gather(
            *(
                made.gateway.client.post("/v1/chat/completions", content=pieces(), headers=headers)
                for _ in range(3)
            )
        )
        assert {response.status_code for response in responses} == {413}
        limit = 80_000_000 + (0 if declared else 3 * 3 * 32 * MEBIBYTE)
        assert worker_bytes(made) <= limit
        assert (await made.gateway.chat()).status_code == 200
