"""16. Usage is counted once, whatever is killed between the client and the database."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from support.metered import Meter, meter

REQUESTS = 50_000
KILLS = 4
CLIENTS = 24


async def killed_in_the_middle(made: Meter, requests: int) -> None:
    """Kill the control plane while so many requests are served, and start it again."""
    half = made.answered + requests // 2
    async with asyncio.TaskGroup() as group:
        group.create_task(made.ask(requests, CLIENTS))
        await made.gateway.when(lambda: made.answered >= half, 300)
        await made.control.kill()
        await made.control.start()


@pytest.mark.survival
async def test_16_totals_are_what_clients_received_though_the_control_plane_was_killed(
    tmp_path: Path,
) -> None:
    async with meter(tmp_path) as made:
        for _ in range(KILLS):
            await killed_in_the_middle(made, REQUESTS // KILLS)
        assert (made.answered, made.control.lives) == (REQUESTS, KILLS + 1)
        assert await made.counted() == made.told


@pytest.mark.survival
async def test_16_what_a_killed_gateway_had_on_disk_is_counted_by_the_next(tmp_path: Path) -> None:
    async with meter(tmp_path) as made:
        await made.control.kill()
        await made.ask(2000)
        await made.gateway.kill()
        await made.gateway.start()
        await made.ask(500)
        await made.control.start()
        assert await made.counted() == made.told


@pytest.mark.survival
async def test_16_a_worker_killed_under_load_leaves_out_what_it_was_about_to_write_at_most(
    tmp_path: Path,
) -> None:
    async with meter(tmp_path) as made:
        asking = asyncio.create_task(made.ask(6000, CLIENTS))
        for wanted in (1500, 3000, 4500):
            await made.gateway.when(lambda wanted=wanted: made.answered >= wanted)
            (worker,) = made.gateway.worker_pids
            os.kill(worker, signal.SIGKILL)
            await made.gateway.when(lambda old=worker: made.gateway.worker_pids not in ([], [old]))
        await asking
        counted = sum(told.requests for told in (await made.counted()).values())
        assert made.answered - 3 * CLIENTS <= counted <= made.asked
