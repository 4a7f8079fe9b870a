"""The HTTP client, against a server whose every byte is in the test's hands."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from support.gateway import free_port
from support.http_server import Exchange, HttpServer
from vllm_manager.gateway.upstream import (
    Broken,
    Connection,
    Dropped,
    Silent,
    Target,
    Unreachable,
    UpstreamClient,
)

REQUEST = b"POST /x HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n"


async def hello(exchange: Exchange) -> None:
    exchange.reply(200, b"hello")


@pytest.fixture
async def server() -> AsyncGenerator[HttpServer]:
    async with HttpServer(hello) as made:
        yield made


@pytest.fixture
async def client() -> AsyncGenerator[UpstreamClient]:
    made = UpstreamClient(connect_seconds=2)
    yield made
    made.close()


async def ask(client: UpstreamClient, server: HttpServer, *, fresh: bool = False) -> Connection:
    connection = await client.open(Target("127.0.0.1", server.port), fresh=fresh)
    connection.begin(REQUEST)
    return connection


async def whole(connection: Connection) -> bytes:
    await connection.head(5)
    pieces: list[bytes] = []
    while piece := await connection.read(5):
        pieces.append(piece)
    connection.release()
    return b"".join(pieces)


async def test_an_answer_is_read_whole(client: UpstreamClient, server: HttpServer) -> None:
    connection = await ask(client, server)
    assert await whole(connection) == b"hello"
    assert connection.status == 200


async def test_a_connection_is_kept_and_used_again(
    client: UpstreamClient, server: HttpServer
) -> None:
    first = await ask(client, server)
    await whole(first)
    second = await ask(client, server)
    assert second is first
    assert second.reused
    assert await whole(second) == b"hello"


async def test_a_fresh_connection_can_be_asked_for(
    client: UpstreamClient, server: HttpServer
) -> None:
    first = await ask(client, server)
    await whole(first)
    assert await ask(client, server, fresh=True) is not first


async def test_a_release_before_the_end_hangs_up(
    client: UpstreamClient, server: HttpServer
) -> None:
    async def endless(exchange: Exchange) -> None:
        exchange.start()
        await exchange.chunk(b"first")
        await exchange.gone.wait()

    server.handler = endless
    connection = await ask(client, server)
    await connection.head(5)
    assert await connection.read(5) == b"first"
    connection.release()
    await asyncio.wait_for(server.exchanges[0].gone.wait(), 30)


async def test_chunks_are_given_as_they_come(client: UpstreamClient, server: HttpServer) -> None:
    go_on = asyncio.Event()

    async def two(exchange: Exchange) -> None:
        exchange.start()
        await exchange.chunk(b"one")
        await go_on.wait()
        await exchange.chunk(b"two")
        exchange.end()

    server.handler = two
    connection = await ask(client, server)
    await connection.head(5)
    assert await connection.read(5) == b"one"
    go_on.set()
    assert await connection.read(5) == b"two"
    assert await connection.read(5) == b""


async def test_an_interim_answer_is_passed_over(client: UpstreamClient, server: HttpServer) -> None:
    async def early(exchange: Exchange) -> None:
        exchange.write(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n")
        exchange.reply(201, b"made")

    server.handler = early
    connection = await ask(client, server)
    assert await whole(connection) == b"made"
    assert connection.status == 201
    assert not [value for name, value in connection.headers if name == b"link"]


async def test_nobody_listening_is_unreachable(client: UpstreamClient) -> None:
    with pytest.raises(Unreachable):
        await client.open(Target("127.0.0.1", free_port()))


async def test_hanging_up_before_the_answer_is_told_apart(
    client: UpstreamClient, server: HttpServer
) -> None:
    async def hang_up(exchange: Exchange) -> None:
        exchange.hang_up()

    server.handler = hang_up
    connection = await ask(client, server)
    with pytest.raises(Dropped):
        await connection.head(5)


async def test_silence_before_the_answer_ends_at_its_timeout(
    client: UpstreamClient, server: HttpServer
) -> None:
    async def silent(exchange: Exchange) -> None:
        await exchange.gone.wait()

    server.handler = silent
    connection = await ask(client, server)
    with pytest.raises(Silent):
        await connection.head(0.1)
    await asyncio.wait_for(server.exchanges[0].gone.wait(), 30)


async def test_silence_between_chunks_ends_at_its_own_timeout(
    client: UpstreamClient, server: HttpServer
) -> None:
    async def stalls(exchange: Exchange) -> None:
        exchange.start()
        await exchange.chunk(b"first")
        await exchange.gone.wait()

    server.handler = stalls
    connection = await ask(client, server)
    await connection.head(5)
    assert await connection.read(5) == b"first"
    with pytest.raises(Broken):
        await connection.read(0.1)


async def test_hanging_up_within_the_answer_is_broken_and_what_came_can_be_read(
    client: UpstreamClient, server: HttpServer
) -> None:
    async def half(exchange: Exchange) -> None:
        exchange.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")
        exchange.finish()

    server.handler = half
    connection = await ask(client, server)
    await connection.head(5)
    assert await connection.read(5) == b"half"
    with pytest.raises(Broken):
        await connection.read(5)


async def test_what_is_no_http_is_broken(client: UpstreamClient, server: HttpServer) -> None:
    async def babble(exchange: Exchange) -> None:
        exchange.write(b"hello there\r\n\r\n")

    server.handler = babble
    connection = await ask(client, server)
    with pytest.raises(Broken):
        await connection.head(5)


async def test_more_than_was_asked_for_ends_the_connection(
    client: UpstreamClient, server: HttpServer
) -> None:
    async def twice(exchange: Exchange) -> None:
        exchange.reply(200, b"hello")
        await asyncio.sleep(0)
        exchange.reply(200, b"again")

    server.handler = twice
    first = await ask(client, server)
    await whole(first)
    await asyncio.wait_for(server.exchanges[0].gone.wait(), 30)
    server.handler = hello
    second = await ask(client, server)
    assert second is not first
    assert await whole(second) == b"hello"


async def test_a_connection_that_the_server_closed_is_not_used_again(
    client: UpstreamClient, server: HttpServer
) -> None:
    async def last(exchange: Exchange) -> None:
        exchange.reply(200, b"hello", connection="close")
        exchange.finish()

    server.handler = last
    await whole(await ask(client, server))
    server.handler = hello
    connection = await ask(client, server)
    assert not connection.reused
    assert await whole(connection) == b"hello"
