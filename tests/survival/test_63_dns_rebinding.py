"""63. A name that means a public address when checked and a private one when connected to."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import httpx
import pytest

from support.http_server import Exchange, HttpServer
from vllm_manager.catalog.outbound import OutboundRefused, client

pytestmark = pytest.mark.survival

PUBLIC = "127.0.0.2"
"""Stands for an address of the Internet: the tests leave the machine nowhere."""


class Rebinding:
    """Answers each time with the next of its answers, the last for ever."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.count = 0

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        answer = self.answers[min(self.count, len(self.answers) - 1)]
        self.count += 1
        return answer


async def answer(exchange: Exchange) -> None:
    exchange.reply_json({"secret": "canary"})


async def test_63_a_name_that_turns_private_is_refused() -> None:
    names = Rebinding(["127.0.0.1"])
    async with HttpServer(answer) as inside, client("https://hub.test", resolve=names) as http:
        with pytest.raises(OutboundRefused):
            await http.get(f"https://evil.test:{inside.port}/x")
        assert inside.exchanges == []


def way_out(names: Rebinding) -> httpx.AsyncClient:
    return client("https://hub.test", resolve=names, is_public=lambda address: address == PUBLIC)


@asynccontextmanager
async def outside(port: int) -> AsyncGenerator[list[None]]:
    """Give the connections that come in at the public address."""
    came: list[None] = []

    def take(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(None)
        writer.close()

    async with await asyncio.start_server(take, PUBLIC, port):
        yield came


async def test_63_the_checked_address_is_connected_to_whatever_the_name_means_then() -> None:
    names = Rebinding([PUBLIC], ["127.0.0.1"])
    async with HttpServer(answer) as inside, way_out(names) as http, outside(inside.port) as came:
        with pytest.raises(httpx.TransportError):  # it speaks no TLS
            await http.get(f"https://evil.test:{inside.port}/x")
        assert (len(came), names.count) == (1, 1)
        with pytest.raises(OutboundRefused):
            await http.get(f"https://evil.test:{inside.port}/x")
        assert (len(came), names.count) == (1, 2)
        assert inside.connections == set()
        assert inside.exchanges == []


async def test_63_of_mixed_answers_only_the_public_ones_are_tried() -> None:
    names = Rebinding(["127.0.0.1", "::1", PUBLIC])
    async with HttpServer(answer) as inside, way_out(names) as http, outside(inside.port) as came:
        with pytest.raises(httpx.TransportError):
            await http.get(f"https://evil.test:{inside.port}/x")
        assert len(came) == 1
        assert inside.connections == set()
        assert inside.exchanges == []
