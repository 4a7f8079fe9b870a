"""Requests that are not what HTTP allows, byte by byte."""

import asyncio
import socket
from pathlib import Path

import pytest

from support.control_plane import KEY
from support.gateway import Rig, chat_request, rig
from support.http_server import Exchange


def head(path: str) -> bytes:
    return f"POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n".encode()


HEAD = head("/v1/chat/completions")
PATHS = ("/v1/chat/completions", "/v1/models", "/api/v1/deployments", "/gateway/metrics")
"""What an engine answers, the gateway, the control plane behind it, and the gateway's own."""
BODY = b'{"model":"demo"}'
SMUGGLED = b"GET /internal/x HTTP/1.1\r\nhost: x\r\n\r\n"

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.integration]


@pytest.mark.survival
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "rest",
    [
        b"content-length: 16\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n",
        b"content-length: 16\r\ncontent-length: 17\r\n\r\n" + BODY,
        b"content-length: 16, 17\r\n\r\n" + BODY,
        b"content-length: +16\r\n\r\n" + BODY,
        b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"transfer-encoding : chunked\r\n\r\n0\r\n\r\n",
        b"x-a: b\nx-c: d\r\n\r\n",
        b"x-a: b\rx-c: d\r\n\r\n",
        b"x-a: b\r\n folded\r\n\r\n",
        b"x-a: b\x00c\r\n\r\n",
        b"x\x01a: b\r\n\r\n",
        b"transfer-encoding: chunked\r\n\r\nzz\r\n\r\n",
        b"content-length: 99999999999999999999999\r\n\r\n",
    ],
)
async def test_69_smuggled_and_malformed_requests_are_refused(
    one: Rig, rest: bytes, path: str
) -> None:
    answer = await one.raw(head(path) + rest + SMUGGLED)
    assert not answer or answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") <= 1
    assert one.engine.exchanges == []
    assert (await one.gateway.chat()).status_code == 200


@pytest.mark.parametrize(
    "line", [b"GARBAGE\r\n\r\n", b"GET /\xff HTTP/1.1\r\n\r\n", b"\x16\x03\x01"]
)
async def test_what_is_no_request_gets_a_readable_answer(one: Rig, line: bytes) -> None:
    answer = await one.raw(line)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"invalid_http" in answer


async def test_endless_headers_are_cut_off(one: Rig) -> None:
    answer = await one.raw(HEAD + b"".join(b"x-%d: %b\r\n" % (i, b"y" * 1000) for i in range(2000)))
    assert not answer or answer.startswith(b"HTTP/1.1 431 ")


async def test_a_second_request_before_the_first_answer_closes_the_connection_after_it(
    one: Rig,
) -> None:
    request = chat_request({"model": "demo"})
    answer = await one.raw(request + request)
    assert answer.count(b"HTTP/1.1 200") == 1
    assert len(one.engine.exchanges) == 1


async def test_a_client_that_does_not_read_keeps_its_slot_for_a_while_only(
    tmp_path: Path,
) -> None:
    async def endless(exchange: Exchange) -> None:
        exchange.start(content_type="text/event-stream")
        while not exchange.gone.is_set():
            await exchange.chunk(b"data: " + b"x" * 65536 + b"\n\n")

    async with rig(tmp_path, between_chunks_seconds=1.0) as made:
        made.engine.handler = endless
        loop = asyncio.get_running_loop()
        with socket.socket() as client:
            client.setblocking(False)
            await loop.sock_connect(client, ("127.0.0.1", made.gateway.config.port))
            await loop.sock_sendall(client, chat_request({"model": "demo", "stream": True}))
            (record,) = await made.control.wait_for_records(1, within_seconds=30)
        assert record["outcome"] == "client_left"
        assert made.engine.exchanges[0].gone.is_set()


async def test_requests_follow_each_other_on_one_connection(one: Rig) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", one.gateway.config.port)
    for _ in range(3):
        writer.write(chat_request({"model": "demo"}))
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length")
        )
        await reader.readexactly(length)
    writer.close()
    assert len(one.engine.exchanges) == 3
