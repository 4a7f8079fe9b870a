"""Sends the journal's batches to the control plane, each until it is acknowledged."""

import asyncio
import logging
from pathlib import Path

from vllm_manager.gateway.control import ControlPlane
from vllm_manager.gateway.journal import Journal, forget, read_batch, set_aside
from vllm_manager.gateway.upstream import UpstreamFailed

log = logging.getLogger(__name__)

USAGE_PATH = "/internal/v1/gateway/usage"
_PERIOD_SECONDS = 1.0
_MAX_PAUSE_SECONDS = 5.0
# Answers that another try won't change: the batch is set aside for a person to look at.
_REFUSED = frozenset({400, 413, 415, 422})


class UsageSender:
    """One per worker. While the control plane is away batches grow instead of becoming many."""

    def __init__(self, journal: Journal, control: ControlPlane) -> None:
        self._journal = journal
        self._control = control
        self._failures = 0

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

    async def _send_batch(self, path: Path) -> bool:
        with read_batch(path) as body:
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
        return status == 200 or status in _REFUSED
