"""Tells the control plane of this worker's requests twice a second, and does what it answers.

Beside it the log: one line per request that is over. None of it is on a request's own path.
"""

import asyncio
import logging
import os
import time
from collections import deque
from collections.abc import Callable, Collection

import msgspec

from vllm_manager.gateway.control import ControlPlane
from vllm_manager.gateway.requests.tracking import MOST_ENDED, Address, Tracker
from vllm_manager.gateway.requests.wire import REQUESTS_PATH, Orders, Row, Told
from vllm_manager.gateway.upstream import UpstreamFailed
from vllm_manager.kit.ids import new_id

log = logging.getLogger(__name__)

_PERIOD_SECONDS = 0.5  # a cancellation waits for the next call: it must be there within a second
_IDLE_SECONDS = 2.0
_AWAY_SECONDS = 2.0
_BODIES_AT_ONCE = 20
"""Of captured bodies: at 128 KiB each, escaped, they stay below what one call may carry."""
_REFUSED = frozenset({400, 413, 415, 422})
"""Answers that another try won't change: what was told is dropped, so that the next is heard."""

Deployments = Callable[[], Collection[str]]
"""Returns the names that there are now."""
WriteLog = Callable[[list[Row], int], None]
"""Writes the requests that are over, and how many are not among them; called off the loop."""


class Teller:
    """One per worker. What could not be told is told with the next, up to a limit."""

    def __init__(
        self,
        tracker: Tracker,
        control: ControlPlane,
        address: Address,
        deployments: Deployments,
        write_log: WriteLog,
        index: int,
    ) -> None:
        self._tracker = tracker
        self._control = control
        self._address = address
        self._deployments = deployments
        self._write_log = write_log
        self._worker = new_id("wrk")
        self._index = index
        self._was_heard = False
        self._encode = msgspec.json.Encoder().encode
        self._orders = msgspec.json.Decoder(Orders)
        self._untold: deque[Row] = deque(maxlen=2 * MOST_ENDED)
        self._unwritten: list[Row] = []
        self._left_out = 0
        self._told_at = 0.0

    async def run(self) -> None:
        """Tell for ever; less often while nothing happens, or nobody listens."""
        while True:
            await asyncio.sleep(_PERIOD_SECONDS)
            try:
                self._note_ended()
                if self._has_news() and not await self.tell():
                    await asyncio.sleep(_AWAY_SECONDS)
            except Exception:
                log.exception("requests could not be told and will be told again")

    async def tell(self) -> bool:
        """Say all, and write the log; return False where the control plane did not take it."""
        self._told_at = time.monotonic()
        self._note_ended()
        tracker, ended = self._tracker, self._next()
        told = Told(
            worker=self._worker,
            pid=os.getpid(),
            under_way=[tracked.row(self._address) for tracked in tracker.longest()],
            ended=ended,
            sums=tracker.sums(self._deployments()),
            was_heard=self._was_heard,
            index=self._index,
        )
        await self._write()
        try:
            status, answer = await self._control.ask(REQUESTS_PATH, self._encode(told))
        except (UpstreamFailed, OSError):
            return False
        if status != 200 and status not in _REFUSED:
            return False
        self._was_heard = True
        for _ in ended:
            self._untold.popleft()
        if status != 200:
            log.error("what was told of %d requests was refused (status %d)", len(ended), status)
            return False
        self._obey(self._orders.decode(answer))
        return True

    def _has_news(self) -> bool:
        is_idle = not self._tracker.open and not self._untold
        return not is_idle or time.monotonic() - self._told_at >= _IDLE_SECONDS

    def _note_ended(self) -> None:
        ended, left_out = self._tracker.take_ended()
        rows = [tracked.row(self._address) for tracked in ended]
        self._untold.extend(rows)
        self._unwritten.extend(rows)
        self._left_out += left_out

    async def _write(self) -> None:
        rows, self._unwritten = self._unwritten, []
        left_out, self._left_out = self._left_out, 0
        if rows:
            await asyncio.to_thread(self._write_log, rows, left_out)

    def _next(self) -> list[Row]:
        """Return what is told now: all, but for bodies that would be too much at once."""
        found: list[Row] = []
        bodies = 0
        for row in self._untold:
            bodies += row.bodies is not None
            if bodies > _BODIES_AT_ONCE:
                break
            found.append(row)
        return found

    def _obey(self, orders: Orders) -> None:
        for number in orders.cancel:
            self._tracker.cancel(number)
        untold = (row.deployment for row in self._untold if row.bodies is not None)
        self._tracker.capture(orders.capture, untold)
