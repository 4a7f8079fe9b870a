"""4. The control plane restarts with models serving: no request fails."""

import asyncio
from pathlib import Path

import pytest

from support.control_plane import model, snapshot
from support.gateway import Gateway, rig


async def ask_until(stop: asyncio.Event, gateway: Gateway) -> list[int]:
    statuses: list[int] = []
    while not stop.is_set():
        statuses.append((await gateway.chat()).status_code)
        statuses.append((await gateway.chat(stream=True)).status_code)
    return statuses


@pytest.mark.survival
async def test_04_no_request_fails_while_the_control_plane_restarts(tmp_path: Path) -> None:
    async with rig(tmp_path) as made:
        stop = asyncio.Event()
        callers = [asyncio.create_task(ask_until(stop, made.gateway)) for _ in range(4)]
        for life in range(3):
            await made.control.kill()
            before = len(made.engine.exchanges)
            await made.gateway.when(lambda seen=before: len(made.engine.exchanges) > seen + 20)
            # The next life has not heard from the replicas when it first publishes.
            made.control.epoch, made.control.version = f"life-{life}", 0
            deaf = model(phase="unreachable", reason="No report yet")
            await made.control.publish(snapshot({"demo": deaf}))
            await made.control.listen()
            await made.gateway.wait_until(lambda health: health["snapshot_version"] == 1)
            await made.publish()
        stop.set()
        statuses = [status for each in await asyncio.gather(*callers) for status in each]
        assert len(statuses) > 60
        assert set(statuses) == {200}
        assert len(await made.control.wait_for_records(len(statuses))) == len(statuses)
