"""Level-triggered background work: run, wait for a nudge or the period, run again."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)


class Loop:
    """Calls `step` for ever, once per `period_seconds` or sooner when nudged.

    A step that raises is logged and tried again after the period: a loop never dies of an error.
    Nudges that arrive during a step cause exactly one more step.
    """

    def __init__(
        self, name: str, step: Callable[[], Awaitable[None]], period_seconds: float
    ) -> None:
        self.name = name
        self._step = step
        self._period_seconds = period_seconds
        self._nudged = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def nudge(self) -> None:
        """Ask for a step soon. Only shortens the wait; the period remains the guarantee."""
        self._nudged.set()

    def start(self) -> None:
        """Begin on the running event loop."""
        self._task = asyncio.create_task(self._run(), name=f"loop:{self.name}")

    async def stop(self) -> None:
        """Cancel the step under way and wait until it is gone."""
        if self._task is None:
            return
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._task = None

    async def _run(self) -> None:
        while True:
            self._nudged.clear()
            try:
                await self._step()
            except Exception:
                log.exception("%s: a step failed and will be tried again", self.name)
            # Not `wait_for`: Python 3.11's swallows a cancellation that comes with the nudge.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._period_seconds):
                    await self._nudged.wait()
