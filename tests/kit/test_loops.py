"""A loop goes on for ever, at its period or when nudged, and through errors."""

import asyncio
from collections.abc import Callable

import pytest

from vllm_manager.kit.loops import Loop


class Steps:
    """Counts its calls and lets a test wait for the next."""

    def __init__(self, act: Callable[[int], None] = lambda _: None) -> None:
        self.count = 0
        self._act = act
        self._changed = asyncio.Event()

    async def __call__(self) -> None:
        self.count += 1
        self._changed.set()
        self._act(self.count)

    async def reach(self, count: int) -> None:
        async with asyncio.timeout(90):
            while self.count < count:
                self._changed.clear()
                await self._changed.wait()


async def test_it_steps_at_once_and_then_once_per_period():
    steps = Steps()
    loop = Loop("test", steps, period_seconds=0.01)
    loop.start()
    await steps.reach(3)
    await loop.stop()


async def test_a_nudge_shortens_the_wait():
    steps = Steps()
    loop = Loop("test", steps, period_seconds=3600)
    loop.start()
    await steps.reach(1)
    loop.nudge()
    await steps.reach(2)
    await loop.stop()


async def test_nudges_during_a_step_cause_exactly_one_more():
    def nudge_often(count: int) -> None:
        if count == 1:
            for _ in range(5):
                loop.nudge()

    steps = Steps(nudge_often)
    loop = Loop("test", steps, period_seconds=3600)
    loop.start()
    await steps.reach(2)
    for _ in range(20):
        await asyncio.sleep(0)
    assert steps.count == 2
    await loop.stop()


async def test_a_step_that_fails_is_logged_and_tried_again(caplog: pytest.LogCaptureFixture):
    def fail_first(count: int) -> None:
        if count == 1:
            raise RuntimeError("no luck")

    steps = Steps(fail_first)
    loop = Loop("test", steps, period_seconds=0.01)
    loop.start()
    await steps.reach(2)
    await loop.stop()
    assert "no luck" in caplog.text


async def test_stopping_ends_a_step_under_way():
    began = asyncio.Event()

    async def hang() -> None:
        began.set()
        await asyncio.Future[None]()

    loop = Loop("test", hang, period_seconds=1)
    loop.start()
    await began.wait()
    async with asyncio.timeout(60):
        await loop.stop()
        await loop.stop()


async def test_stopping_what_never_began_is_fine():
    await Loop("test", Steps(), period_seconds=1).stop()
