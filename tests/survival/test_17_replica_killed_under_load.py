"""17. A replica killed under load: only its requests fail; new ones go elsewhere or wait."""

import asyncio
from pathlib import Path

import pytest

from support.gateway import Gateway, rig
from support.upstream import Held


async def ask_until(stop: asyncio.Event, gateway: Gateway) -> list[int]:
    statuses: list[int] = []
    while not stop.is_set():
        statuses.append((await gateway.chat()).status_code)
    return statuses


@pytest.mark.survival
async def test_17_new_requests_go_to_the_replica_that_lives(tmp_path: Path) -> None:
    async with rig(tmp_path, engines=2) as made:
        first, second = made.engines
        stop = asyncio.Event()
        callers = [asyncio.create_task(ask_until(stop, made.gateway)) for _ in range(8)]
        await made.gateway.when(lambda: len(first.exchanges) > 20)
        await first.kill()
        seen = len(second.exchanges)
        await made.gateway.when(lambda: len(second.exchanges) > seen + 50)
        await first.listen()
        seen = len(first.exchanges)
        await made.gateway.when(lambda: len(first.exchanges) > seen + 20)
        stop.set()
        statuses = [status for each in await asyncio.gather(*callers) for status in each]
        # Nothing of these answers had begun, so even those under way were asked again elsewhere.
        assert set(statuses) == {200}


@pytest.mark.survival
async def test_17_only_answers_that_had_begun_on_the_killed_replica_break(tmp_path: Path) -> None:
    async with rig(tmp_path, engines=2) as made:
        held = [Held(chunks_first=1), Held(chunks_first=1)]
        for engine, handler in zip(made.engines, held, strict=True):
            engine.handler = handler
        calls = [asyncio.create_task(made.gateway.chat(stream=True)) for _ in range(2)]
        await asyncio.gather(*(handler.waiting.wait() for handler in held))
        await made.engines[0].kill()
        held[1].go_on.set()
        texts = [response.text for response in await asyncio.gather(*calls)]
        assert sorted("engine_failed" in text for text in texts) == [False, True]
        assert sorted("[DONE]" in text for text in texts) == [False, True]


@pytest.mark.survival
async def test_17_with_no_replica_left_callers_are_told_to_come_back(tmp_path: Path) -> None:
    async with rig(tmp_path) as made:
        await made.engine.kill()
        refused = await made.gateway.chat()
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) >= 1
        await made.engine.listen()
        assert (await made.gateway.chat()).status_code == 200
