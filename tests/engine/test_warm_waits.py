"""A start waits for warmth where that pays; what is prepared for later stands back meanwhile."""

import asyncio
import os
import re
import secrets
import signal
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from support.engines import is_alive, until
from support.warmth import (
    Hold,
    RunningWarmer,
    start_warmer,
    started,
    stop_warmer,
    supervised,
    warmer,
)
from vllm_manager_engine.warm import client, crew, wire

pytestmark = [pytest.mark.linux, pytest.mark.integration]

_LOWEST = 19
_WAITED_FOR_THE_SPARE = re.compile(r"waited \d+\.\d s for the spare")


@pytest.fixture
def hold(tmp_path: Path) -> Hold:
    return Hold(tmp_path)


@asynccontextmanager
async def preparing(hold: Hold, **plan: Any) -> AsyncGenerator[RunningWarmer]:
    """Yield a warmer whose spare is not ready before `hold` lets it."""
    place = wire.address(f"test-{os.getpid()}-{secrets.token_hex(4)}")
    running = await start_warmer(place, inherited=hold.inherited, **plan)
    try:
        await hold.spare()
        yield running
    finally:
        if running.process.returncode is None:
            await stop_warmer(running)


async def reason(running: RunningWarmer) -> str:
    return str((await running.status())["reason"])


async def until_said(running: RunningWarmer, words: str) -> None:
    async with asyncio.timeout(60):
        while words not in await reason(running):  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.01)


def own_niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, 0)


def is_stopped(process: psutil.Process) -> bool:
    return process.status() == psutil.STATUS_STOPPED


# Waiting


async def test_a_start_waits_for_a_warmer_that_is_late_and_says_so() -> None:
    place = wire.address(f"test-{os.getpid()}-{secrets.token_hex(4)}")
    async with supervised(place) as supervisor:
        starting = asyncio.create_task(supervisor.start())
        await until(lambda: supervisor.course.message == "Waiting for this node's warmer")
        running = await start_warmer(place)
        await starting
        assert supervisor.how == "warm"
        assert "waited" in str(supervisor.how_reason)
    await stop_warmer(running)


async def test_a_warmer_that_does_not_come_is_not_waited_for_forever(tmp_path: Path) -> None:
    how, why = await started(wire.address(str(tmp_path)), worth_seconds=0.2)
    assert how == "cold"
    assert re.fullmatch(
        r"this node has no warmer; waited \d+\.\d s for this node's warmer", str(why)
    )


async def test_a_start_waits_for_a_spare_that_is_being_prepared_and_says_so(hold: Hold) -> None:
    async with (
        preparing(hold) as running,
        supervised(running.place, inherited=hold.inherited) as supervisor,
    ):
        starting = asyncio.create_task(supervisor.start())
        await until(lambda: "Waiting for the spare" in str(supervisor.course.message))
        hold.let_go()
        await starting
        assert supervisor.how == "warm"
        assert _WAITED_FOR_THE_SPARE.fullmatch(str(supervisor.how_reason))


async def test_three_asked_for_at_once_wait_for_one_spare_and_are_all_warm(hold: Hold) -> None:
    async with preparing(hold) as running:
        starts = [
            asyncio.create_task(started(running.place, inherited=hold.inherited)) for _ in range(3)
        ]
        await until_waiting(running, 3)
        hold.let_go()
        found = await asyncio.gather(*starts)
        assert {how for how, _ in found} == {"warm"}
        assert all(_WAITED_FOR_THE_SPARE.fullmatch(str(why)) for _, why in found)
        assert (await running.status())["spares"][0]["engines_forked"] == 3


async def until_waiting(running: RunningWarmer, count: int) -> None:
    async with asyncio.timeout(60):
        while (await running.status())["waiting"] != count:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.01)


async def test_a_spare_that_fails_while_it_is_waited_for_makes_the_start_cold(hold: Hold) -> None:
    async with preparing(hold) as running:
        asking = asyncio.create_task(_launch(running.place))
        await until_waiting(running, 1)
        hold.let_go(broken=True)
        with pytest.raises(client.NotWarm, match="discarded: its process ended"):
            await asking


async def test_a_warmer_that_is_killed_while_it_is_waited_for_makes_the_start_cold(
    hold: Hold,
) -> None:
    async with preparing(hold) as running:
        starting = asyncio.create_task(started(running.place, inherited=hold.inherited))
        await until_waiting(running, 1)
        running.process.kill()
        hold.let_go()
        how, why = await starting
    assert how == "cold"
    assert re.fullmatch(r"the warmer was restarting; waited \d+\.\d s for the spare", str(why))


async def test_a_spare_that_comes_no_further_is_not_waited_for_forever(hold: Hold) -> None:
    async with preparing(hold) as running:
        with pytest.raises(client.NotWarm, match=r"no progress for 0\.2 s"):
            await _launch(running.place, quiet_seconds=0.2)
        with pytest.raises(client.NotWarm, match=r"no spare was ready within 0\.2 s"):
            await _launch(running.place, most_seconds=0.2)


async def _launch(place: Path, **wait: Any) -> None:
    words = ["python", "-m", "vllm_manager_engine.fake"]
    await client.launch(place, "fake", words, {}, lambda _stream, _data: None, client.Wait(**wait))


async def test_a_preparation_that_hangs_is_given_up_and_said(hold: Hold) -> None:
    async with preparing(hold, hung_seconds=0.5) as running:
        first = await hold.spare()
        await until_said(running, "discarded: its preparation stood still for 0.5 s")
        await until(lambda: not is_alive(first.pid))


# Standing back


async def test_preparation_has_the_lowest_priority_until_a_start_waits_for_it(hold: Hold) -> None:
    expected = _LOWEST if crew.may_take_back() else own_niceness()
    async with preparing(hold) as running:
        spare = await hold.spare()
        await until(lambda: spare.nice() == expected)
        starting = asyncio.create_task(started(running.place, inherited=hold.inherited))
        await until(lambda: spare.nice() == own_niceness())
        hold.let_go()
        assert (await starting)[0] == "warm"


async def test_a_spare_that_is_ready_forks_engines_of_ordinary_priority(hold: Hold) -> None:
    async with preparing(hold) as running:
        hold.let_go()
        await running.spare()
        async with supervised(running.place, inherited=hold.inherited) as supervisor:
            await supervisor.start()
            assert supervisor.how == "warm"
            assert supervisor.process is not None
            engine = psutil.Process(supervisor.process.engine_pid)
            assert engine.nice() == own_niceness()


async def test_no_preparation_begins_beside_a_start_and_one_does_after_it() -> None:
    async with warmer() as running:
        first = psutil.Process((await running.spare())["pid"])
        async with supervised(running.place, fake={"stuck_in": "warming"}) as supervisor:
            starting = asyncio.create_task(supervisor.start())
            await until(lambda: supervisor.course.phase == "warming")
            first.kill()
            await until_said(running, "an engine is being started")
            assert (await running.status())["spares"] == []
            starting.cancel()
            await asyncio.wait([starting])
        assert (await running.spare())["pid"] != first.pid


async def test_a_preparation_stands_still_during_a_start_and_goes_on_after_it(hold: Hold) -> None:
    async with preparing(hold) as running:
        spare = await hold.spare()
        async with client.starting(running.place):
            await until(lambda: is_stopped(spare))
            await until_said(running, "an engine is being started")
        await until(lambda: not is_stopped(spare))
        hold.let_go()
        assert (await running.spare())["pid"] == spare.pid


async def test_a_preparation_that_stands_still_goes_on_for_a_start_that_waits_for_it(
    hold: Hold,
) -> None:
    async with preparing(hold) as running, client.starting(running.place):
        spare = await hold.spare()
        await until(lambda: is_stopped(spare))
        hold.let_go()
        assert (await started(running.place, inherited=hold.inherited))[0] == "warm"


async def test_a_warmer_that_comes_during_a_start_hears_of_it(hold: Hold) -> None:
    place = wire.address(f"test-{os.getpid()}-{secrets.token_hex(4)}")
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(client.starting(place))
        running = await start_warmer(place, inherited=hold.inherited)
        stack.push_async_callback(stop_warmer, running)
        async with asyncio.timeout(60):
            while not await _starts(running):  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0.01)


async def _starts(running: RunningWarmer) -> int:
    try:
        return (await running.status())["starting"]
    except client.NotWarm:
        return 0


@pytest.fixture(params=[signal.SIG_DFL, signal.SIG_IGN], ids=["", "nohup"])
def hang_up(request: pytest.FixtureRequest) -> Iterator[None]:
    """What is started inherits whether SIGHUP is ignored."""
    before = signal.signal(signal.SIGHUP, request.param)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("hang_up")
async def test_a_preparation_that_stands_still_ends_with_its_warmer(hold: Hold) -> None:
    async with preparing(hold) as running:
        spare = await hold.spare()
        async with client.starting(running.place):
            await until(lambda: is_stopped(spare))
            running.process.kill()
            await running.process.wait()
            await until(lambda: not is_alive(spare.pid))
