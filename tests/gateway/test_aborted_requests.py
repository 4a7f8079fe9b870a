"""Clients that leave at any moment: no place is lost, and each token taken is settled once."""

import asyncio
import random
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from support.control_plane import snapshot
from support.gateway import Gateway, Rig, chat_request, rig
from support.http_server import Exchange
from support.upstream import USAGE, Held, chunk, sse
from vllm_manager.gateway.accounts import SUM, open_accounts

pytestmark = pytest.mark.integration

CLIENTS = 40
PLACES = 64
"""At once, of the key, of the model and of the gateway."""
FEW_SLOTS = 4
"""Of the model, so that most clients wait for one, and leave while they do."""
ROUND = 1000
LIMITS = {
    "concurrent_requests": PLACES,
    "tokens_per_minute": 10**9,
    "tokens_per_day": 10**12,
    "tokens_per_month": 10**12,
}
REQUESTS = [
    chat_request({"model": "demo", "stream": stream, "max_tokens": 50, "messages": []})
    for stream in (True, False)
]


async def unsteady(exchange: Exchange) -> None:
    """Answer in pieces with chance pauses, so that clients leave in every phase."""
    pause_seconds = random.choice((0, 0, 0.001, 0.005))
    await asyncio.sleep(pause_seconds)
    if not exchange.json.get("stream"):
        exchange.reply_json({"choices": [], "usage": USAGE})
        return
    exchange.start(content_type="text/event-stream")
    for _ in range(3):
        await exchange.chunk(sse(chunk("word")))
        await asyncio.sleep(pause_seconds)
    await exchange.chunk(sse(chunk(None, usage=USAGE)) + b"data: [DONE]\n\n")
    exchange.end()


@dataclass
class Leavers:
    """Clients that ask and leave, each on one new connection after the other."""

    made: Rig
    chance: random.Random = field(default_factory=lambda: random.Random(1))

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(CLIENTS):
                group.create_task(self._client(self.chance))

    async def _client(self, chance: random.Random) -> None:
        port = self.made.gateway.config.port
        for _ in range(ROUND // CLIENTS):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            request = chance.choice(REQUESTS)
            writer.write(request[: chance.choice((len(request) - 5, *[len(request)] * 9))])
            await self._read_a_little(reader, chance)
            writer.transport.abort()
            self.made.engine.exchanges.clear()

    async def _read_a_little(self, reader: asyncio.StreamReader, chance: random.Random) -> None:
        with suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(chance.choice((0, 0.001, 0.003, 0.01, 0.05))):
                await reader.read(chance.choice((1, 400)))
                await reader.read(chance.choice((1, 1000)))


class Charged:
    """The tokens of all usage records; records are let go of as they are counted."""

    def __init__(self, made: Rig) -> None:
        self._batches = made.control.batches
        self.tokens = 0
        self.left = 0
        """Requests whose client left while they were under way."""

    async def settled(self, gateway: Gateway, tokens_taken: "memoryview[float]", cell: int) -> None:
        """Wait until what was taken is what was charged."""

        def is_even() -> bool:
            for batch, records in self._batches.items():
                self.tokens += sum(_tokens(record) for record in records)
                self.left += sum(record["outcome"] == "client_left" for record in records)
                self._batches[batch] = []
            return tokens_taken[cell] == self.tokens

        await gateway.when(is_even, 120)


def _tokens(record: dict[str, Any]) -> int:
    return (record["prompt_tokens"] or 0) + (record["completion_tokens"] or 0)


@pytest.mark.parametrize("slots", [PLACES, FEW_SLOTS])
@pytest.mark.parametrize("requests", [1_000, pytest.param(100_000, marks=pytest.mark.slow)])
async def test_aborted_requests_leak_no_place_and_no_token(
    tmp_path: Path, requests: int, slots: int
) -> None:
    async with rig(tmp_path, max_in_flight=PLACES) as made:
        await publish(made, slots)
        made.engine.handler = unsteady
        accounts = open_accounts(made.gateway.run_dir / "gateway-limits", is_shared=False)
        found = accounts.place("key:key_1", time.monotonic(), 0)
        assert found is not None
        leavers, charged, row = Leavers(made), Charged(made), found[0]
        while charged.left < requests:
            await leavers.run()
            await charged.settled(made.gateway, accounts.cells, row + SUM)
        await publish(made, PLACES)
        await all_places_are_free(made)


async def publish(made: Rig, slots: int) -> None:
    entry = made.entry(max_concurrent_requests=slots, max_queued_requests=PLACES)
    content = snapshot({"demo": entry}, limits={"key:key_1": LIMITS})
    await made.gateway.publish(made.control, content)


async def all_places_are_free(made: Rig) -> None:
    """Fill every place at once: as many fit as ever, and no more."""
    made.engine.exchanges.clear()
    made.engine.handler = held = Held()
    calls = [asyncio.create_task(made.gateway.chat()) for _ in range(PLACES)]
    await made.engine.arrival(PLACES)
    assert (await made.gateway.chat()).status_code in (429, 503)
    held.go_on.set()
    assert {(await call).status_code for call in calls} == {200}
