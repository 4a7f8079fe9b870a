"""The engine side's own HTTP client understands what servers send."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from vllm_manager_engine.http_client import HttpError, request


@asynccontextmanager
async def server(answer: bytes, *, hang: bool = False) -> AsyncGenerator[str]:
    gone = asyncio.Event()

    served = asyncio.Semaphore(0)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        if hang:
            await gone.wait()
        writer.close()
        await writer.wait_closed()
        served.release()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    gone.set()
    await served.acquire()
    listening.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"2\r\nhe\r\n3;x=1\r\nllo\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\nhello",
    ],
)
async def test_each_kind_of_length_is_read(answer: bytes) -> None:
    async with server(answer) as url:
        assert (await request("GET", url, timeout_seconds=5)).body == b"hello"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_what_is_no_answer_is_an_error(answer: bytes) -> None:
    async with server(answer) as url:
        with pytest.raises(HttpError):
            await request("GET", url, timeout_seconds=5)


async def test_an_answer_that_does_not_come_is_an_error() -> None:
    async with server(b"HTTP/1.1 200 OK\r\n", hang=True) as url:
        with pytest.raises(HttpError, match="within"):
            await request("GET", url, timeout_seconds=0.2)


async def test_nobody_listening_is_an_error() -> None:
    with pytest.raises(HttpError):
        await request("GET", "http://127.0.0.1:1", timeout_seconds=5)
