"""Keeps what runs in line with what is wanted: begins, stops and sweeps downloads, step by step."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from vllm_manager.db import Lease
from vllm_manager.downloads.files import unpack
from vllm_manager.downloads.layout import ModelFolder
from vllm_manager.downloads.link import WorkerLink
from vllm_manager.downloads.record import Overtaken, Record
from vllm_manager.downloads.run import Run
from vllm_manager.downloads.schemas import ACTIVE_STATES
from vllm_manager.downloads.tables import DownloadRow
from vllm_manager.downloads.turns import Turn, choose
from vllm_manager.kit.clock import Clock

log = logging.getLogger(__name__)

_IDLE_SECONDS: Final = 30.0
"""After this long without a download the fetching process ends."""


class Dispatcher:
    """The one that acts, of all control planes on a database: it holds the lease."""

    def __init__(
        self,
        record: Record,
        lease: Lease,
        link: WorkerLink,
        new_run: Callable[[DownloadRow], Run],
        model_store: Path,
        at_once: int,
        clock: Clock,
    ) -> None:
        self._record = record
        self._lease = lease
        self._link = link
        self._new_run = new_run
        self._store = model_store
        self._at_once = at_once
        self._clock = clock
        self._runs: dict[str, tuple[Run, asyncio.Task[None]]] = {}
        self._busy_at = clock.monotonic()
        self.nudge: Callable[[], None] = lambda: None

    @property
    def is_busy(self) -> bool:
        """Whether any run has not ended yet."""
        return any(not task.done() for _, task in self._runs.values())

    async def step(self) -> None:
        """Compare what runs with what is wanted, and act on the difference."""
        self._collect()
        if not self._lease.is_mine:
            await self._stop_all()
            return
        rows = await self._record.active()
        known = {row.id: row for row in rows}
        await self._stop_unwanted(known)
        for row in rows:
            if row.needs_sweep and row.id not in self._runs:
                await self._sweep(row)
        wanted = [Turn(row.id, row.repo) for row in rows if row.state in ACTIVE_STATES]
        running = [Turn(run.id, run.repo) for run, _ in self._runs.values()]
        for download_id in choose(wanted, running, self._at_once):
            self._begin(known[download_id])
        await self._rest()

    async def close(self) -> None:
        """End every run; the rows say where to go on."""
        tasks = [task for _, task in self._runs.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._runs.clear()
        await self._link.close()

    def _begin(self, row: DownloadRow) -> None:
        run = self._new_run(row)
        task = asyncio.create_task(run.drive(), name=f"download-{row.id}")
        task.add_done_callback(lambda _: self.nudge())
        self._runs[row.id] = (run, task)

    def _collect(self) -> None:
        """Let go of runs that have ended; a fault of ours is logged, and the row tried again."""
        for download_id, (_, task) in list(self._runs.items()):
            if not task.done():
                continue
            del self._runs[download_id]
            if not task.cancelled() and (error := task.exception()) is not None:
                log.error("Download %s: a run failed", download_id, exc_info=error)

    async def _stop_unwanted(self, rows: dict[str, DownloadRow]) -> None:
        for run, _ in list(self._runs.values()):
            row = rows.get(run.id)
            if row is None or row.version != run.version or row.state not in ACTIVE_STATES:
                await run.stop()

    async def _stop_all(self) -> None:
        for run, _ in list(self._runs.values()):
            await run.stop()

    async def _sweep(self, row: DownloadRow) -> None:
        """Remove what a cancelled download left on the disk."""
        packed = await self._record.packed_files(row.id)
        kept = await self._record.files_of_others(row)
        if packed is not None:
            await asyncio.to_thread(_remove, ModelFolder(self._store, row.repo), packed, kept)
        try:
            await self._record.write(row, needs_sweep=False)
        except Overtaken:
            return

    async def _rest(self) -> None:
        if self._runs:
            self._busy_at = self._clock.monotonic()
        elif self._clock.monotonic() - self._busy_at >= _IDLE_SECONDS:
            await self._link.close()


def _remove(folder: ModelFolder, packed: bytes, kept: Sequence[bytes]) -> None:
    others = frozenset(file.blob for files in kept for file in unpack(files))
    folder.sweep([file.blob for file in unpack(packed)], others)
