"""Sends the journal's batches to the control plane, each until it is acknowledged."""

import asyncio
import logging
import time
from collections import deque
from itertools import islice
from pathlib import Path

from vllm_manager.gateway.control import ControlPlane
from vllm_manager.gateway.journal import Journal, forget, read_batch, set_aside
from vllm_manager.gateway.refused_counts import RefusedCounts
from vllm_manager.gateway.upstream import UpstreamFailed

log = logging.getLogger(__name__)

USAGE_PATH = "/internal/v1/gateway/usage"
_PERIOD_SECONDS = 1.0
_MAX_PAUSE_SECONDS = 5.0
# By then a deleted file stays deleted, whatever becomes of the machine, and no other worker that
# had opened it still sends it.
_SETTLED_SECONDS = 60.0
_MOST_TOLD = 1000
# Answers that another try won't change: the batch is set aside for a person to look at.
_REFUSED = frozenset({400, 413, 415, 422})


class UsageSender:
    """One per worker. While the control plane is away batches grow instead of becoming many."""

    def __init__(
        self,
        journal: Journal,
        refused: RefusedCounts,
        control: ControlPlane,
        settled_seconds: float = _SETTLED_SECONDS,
    ) -> None:
        self._journal = journal
        self._refused = refused
        self._control = control
        self._settled_seconds = settled_seconds
        self._failures = 0
        self._deleted: deque[tuple[float, str]] = deque()
        """Batches that the control plane may forget, and since when they are gone."""

    async def run(self) -> None:
        """Send once a second for ever."""
        while True:
            pause = _PERIOD_SECONDS * 2 ** min(self._failures, 4)
            await asyncio.sleep(min(pause, _MAX_PAUSE_SECONDS))
            try:
                await self.send()
            except Exception:
                log.exception("usage could not be sent and will be sent again")

    async def send(self) -> bool:
        """Send what there is. Return False where the control plane did not take it all."""
        for record in self._refused.take():
            self._journal.add(record)
        self._journal.flush()
        if not self._failures:
            self._journal.seal()
        for path in self._journal.batches():
            if not await self._send_batch(path):
                self._failures += 1
                return False
        if self._failures:
            self._failures = 0
            self._journal.seal()
        return True

    def _settled(self) -> list[str]:
        """Return batches that are gone for good, so that the control plane need not keep their
        ids: with one a second they would outgrow what they are about."""
        before = time.monotonic() - self._settled_seconds
        return [name for at, name in islice(self._deleted, _MOST_TOLD) if at <= before]

    async def _send_batch(self, path: Path) -> bool:
        settled = self._settled()
        with read_batch(path, settled) as body:
            if body is None:
                return True
            try:
                status = await self._control.post(USAGE_PATH, body)
            except (UpstreamFailed, OSError):
                return False
            if status in _REFUSED:
                log.error("usage batch %s was refused with status %d: set aside", path.stem, status)
                set_aside(path)
            elif status == 200:
                forget(path)
                for _ in settled:
                    self._deleted.popleft()
                self._deleted.append((time.monotonic(), path.stem))
        return status == 200 or status in _REFUSED
