"""33. The client leaves (queued, before the first token, mid-stream, non-stream): the engine's
request is aborted within 100 ms."""

import asyncio
import time
from pathlib import Path
from statistics import median

import pytest

from support.gateway import AUTHORIZATION, Rig, chat_request, rig
from support.http_server import Exchange
from support.pace import slowness
from support.upstream import Held, chunk, sse

BOUND_SECONDS = 0.1


async def leave(made: Rig, held: Held, *, stream: bool, politely: bool) -> float:
    """Ask, wait until the engine holds the request, leave; return how long it took to notice."""
    made.engine.handler = held
    _, writer = await asyncio.open_connection("127.0.0.1", made.gateway.config.port)
    writer.write(chat_request({"model": "demo", "stream": stream}))
    await asyncio.wait_for(held.waiting.wait(), 30)
    exchange = made.engine.exchanges[-1]
    left_at = time.monotonic()
    if politely:
        writer.close()
    else:
        writer.transport.abort()
    await asyncio.wait_for(exchange.gone.wait(), 30)
    return time.monotonic() - left_at


@pytest.mark.survival
@pytest.mark.parametrize("politely", [True, False], ids=["closed", "reset"])
async def test_33_the_engine_s_request_is_aborted_within_100_ms(
    tmp_path: Path, *, politely: bool
) -> None:
    phases = {
        "not streaming": (False, None),
        "queued": (True, None),
        "before the first token": (True, 0),
        "mid-stream": (True, 5),
    }
    async with rig(tmp_path) as made:
        took = {
            name: [
                await leave(made, Held(chunks_first=chunks), stream=stream, politely=politely)
                for _ in range(5)
            ]
            for name, (stream, chunks) in phases.items()
        }
        assert max(median(each) for each in took.values()) <= BOUND_SECONDS * slowness(), took
        records = await made.control.wait_for_records(20)
        assert {record["outcome"] for record in records} == {"client_left"}
        assert {record["status"] for record in records} == {499}


@pytest.mark.survival
async def test_33_a_client_that_left_makes_room_for_the_next(tmp_path: Path) -> None:
    async with rig(tmp_path) as made:
        await made.publish(max_concurrent_requests=1)
        for _ in range(5):
            await leave(made, Held(), stream=False, politely=False)
        made.engine.handler = done
        assert (await made.gateway.chat()).status_code == 200


async def done(exchange: Exchange) -> None:
    exchange.reply_json({"ok": True})


@pytest.mark.survival
@pytest.mark.parametrize("politely", [True, False], ids=["closed", "reset"])
async def test_33_a_client_that_waits_for_a_slot_leaves_within_100_ms(
    tmp_path: Path, *, politely: bool
) -> None:
    async with rig(tmp_path) as made:
        await made.publish(max_concurrent_requests=1, max_queued_requests=1)
        made.engine.handler = held = Held()
        first = asyncio.create_task(made.gateway.chat())
        await asyncio.wait_for(held.waiting.wait(), 30)
        took = [await leave_queue(made, politely=politely) for _ in range(5)]
        assert median(took) <= BOUND_SECONDS * slowness(), took
        assert len(made.engine.exchanges) == 1
        held.go_on.set()
        assert (await first).status_code == 200
        assert (await made.gateway.chat()).status_code == 200
        records = await made.control.wait_for_records(7)
        left = [record for record in records if record["outcome"] == "client_left"]
        assert [record["status"] for record in left] == [499] * 5
        assert all(record["queue_seconds"] > 0 for record in left)


async def leave_queue(made: Rig, *, politely: bool) -> float:
    """Wait for a slot, leave; return how long it took until the place was free again."""
    _, writer = await asyncio.open_connection("127.0.0.1", made.gateway.config.port)
    writer.write(chat_request({"model": "demo"}))
    await queued(made, 1)
    left_at = time.monotonic()
    if politely:
        writer.close()
    else:
        writer.transport.abort()
    await queued(made, 0)
    return time.monotonic() - left_at


async def queued(made: Rig, count: int) -> None:
    """Wait until so many requests wait for a slot."""
    line = f'vllm_manager_gateway_queued{{model="demo"}} {count}\n'
    async with asyncio.timeout(30):
        while line not in await metrics(made):
            pass


async def metrics(made: Rig) -> str:
    return (await made.gateway.client.get("/gateway/metrics", headers=AUTHORIZATION)).text


@pytest.mark.survival
async def test_33_a_client_that_does_not_read_is_noticed_when_it_leaves(tmp_path: Path) -> None:
    async def flood(exchange: Exchange) -> None:
        exchange.start(content_type="text/event-stream")
        while not exchange.gone.is_set():
            await exchange.chunk(sse(chunk("x" * 500_000)))

    async with rig(tmp_path) as made:
        made.engine.handler = flood
        took = [await leave_unread(made) for _ in range(5)]
        assert median(took) <= BOUND_SECONDS * slowness(), took


async def leave_unread(made: Rig) -> float:
    """Ask for more than is read, leave; return how long it took to notice."""
    earlier = len(made.engine.exchanges)
    reader, writer = await asyncio.open_connection("127.0.0.1", made.gateway.config.port)
    writer.write(chat_request({"model": "demo", "stream": True}))
    await reader.readexactly(1000)
    exchange = await made.engine.arrival(earlier + 1)
    left_at = time.monotonic()
    writer.transport.abort()
    await asyncio.wait_for(exchange.gone.wait(), 30)
    return time.monotonic() - left_at
