"""16. A gateway worker killed under load: only its own requests fail, it is back within 2 s."""

import asyncio
import os
import signal
import time
from pathlib import Path

import httpx
import pytest

from support.gateway import Gateway, rig
from support.pace import slowness


async def ask_until(stop: asyncio.Event, gateway: Gateway) -> list[str]:
    """Ask one request after another; return how each ended."""
    ends: list[str] = []
    while not stop.is_set():
        try:
            ends.append(str((await gateway.chat()).status_code))
        except httpx.ConnectError:
            ends.append("refused")
        except httpx.TransportError:
            ends.append("cut off")
    return ends


@pytest.mark.survival
async def test_16_only_the_killed_worker_s_requests_fail_and_it_is_back_in_2_s(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path) as made:
        gateway = made.gateway
        stop = asyncio.Event()
        callers = [asyncio.create_task(ask_until(stop, gateway)) for _ in range(8)]
        for round_ in range(2):
            seen = len(made.engine.exchanges)
            await gateway.when(lambda seen=seen: len(made.engine.exchanges) > seen + 50)
            (worker,) = gateway.worker_pids
            os.kill(worker, signal.SIGKILL)
            killed_at = time.monotonic()
            await gateway.when(lambda old=worker: gateway.worker_pids not in ([], [old]))
            seen = len(made.engine.exchanges)
            await gateway.when(lambda seen=seen: len(made.engine.exchanges) > seen + 8)
            assert time.monotonic() - killed_at <= 2 * slowness(), f"round {round_}"
        stop.set()
        ends = [end for each in await asyncio.gather(*callers) for end in each]
        assert set(ends) <= {"200", "cut off"}
        assert ends.count("cut off") <= 2 * 8
        answered = ends.count("200")
        assert len(await made.control.wait_for_records(answered)) >= answered
