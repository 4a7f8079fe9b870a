"""16. A gateway worker killed under load: what its requests had reserved comes back, no more."""

import asyncio
import os
import signal
import time
from pathlib import Path

import httpx
import pytest

from support.control_plane import ControlPlane, model, snapshot
from support.gateway import Gateway
from support.http_server import Exchange
from support.upstream import USAGE, FakeEngine, answer
from vllm_manager.gateway.accounts import SUM, TOKENS, open_accounts

CALLERS = 12
KILLS = 3
RESERVED_TOKENS = 100_000
LIMITS = {"tokens_per_month": 10**12, "tokens_per_minute": 10**8}


async def slowly(exchange: Exchange) -> None:
    """Answer after a moment, so that a killed worker has requests under way."""
    await asyncio.sleep(0.02)
    await answer(exchange)


async def ask_until(stop: asyncio.Event, gateway: Gateway) -> int:
    """Ask one request after another; return how many were answered."""
    answered = 0
    while not stop.is_set():
        try:
            status = (await gateway.chat(max_tokens=RESERVED_TOKENS)).status_code
            answered += status == 200
        except httpx.TransportError:
            await asyncio.sleep(0.01)
    return answered


async def answered_despite_kills(gateway: Gateway, engine: FakeEngine) -> int:
    """Kill one worker after another under load; return how many requests were answered."""
    stop = asyncio.Event()
    callers = [asyncio.create_task(ask_until(stop, gateway)) for _ in range(CALLERS)]
    for _ in range(KILLS):
        seen = len(engine.exchanges)
        await gateway.when(lambda seen=seen: len(engine.exchanges) > seen + 50, 300)
        before = gateway.worker_pids
        os.kill(before[0], signal.SIGKILL)
        await gateway.when(
            lambda old=before: len({*gateway.worker_pids} - {old[0]}) == len(old), 300
        )
    stop.set()
    return sum(await asyncio.gather(*callers))


@pytest.mark.survival
async def test_16_what_a_killed_worker_s_requests_had_reserved_comes_back(tmp_path: Path) -> None:
    async with ControlPlane() as control, FakeEngine() as engine:
        content = snapshot({"demo": model(engine.endpoint())}, limits={"key:key_1": LIMITS})
        await control.publish(content)  # no worker ever knows of a key without limits
        async with Gateway(tmp_path, control.port, workers=2) as gateway:
            engine.handler = slowly
            answered = await answered_despite_kills(gateway, engine)
            assert await gateway.stop() == 0
        accounts = open_accounts(gateway.run_dir / "gateway-limits", is_shared=True)
        place = accounts.place("key:key_1", time.monotonic(), 0)
        assert place is not None
        charged, each = accounts.cells[place[0] + SUM], USAGE["total_tokens"]
        # What was cut off at the engine is charged to nobody, and one that was just written down
        # when its worker was killed keeps its reservation, for each kill at the most.
        kept, used = divmod(charged, RESERVED_TOKENS)
        assert kept <= KILLS
        assert (answered - KILLS * CALLERS) * each <= used
        assert used <= len(engine.exchanges) * each + kept * 100
        assert accounts.cells[place[0] + TOKENS] <= time.monotonic() + 60
