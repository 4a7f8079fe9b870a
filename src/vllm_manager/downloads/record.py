"""What a run writes of itself: rows, operations and events, and never over what people decided."""

from collections.abc import Sequence
from typing import Any

from vllm_manager.db import Database, Lease
from vllm_manager.downloads import store
from vllm_manager.downloads.board import Board
from vllm_manager.downloads.schemas import DownloadState
from vllm_manager.downloads.tables import DownloadRow
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.errors import Problem
from vllm_manager.operations import Operations, Outcome


class Overtaken(Exception):
    """Somebody decided otherwise since the run began, or another control plane acts now."""


class Record:
    """Writes the rows of runs, guarded by the version at which each began."""

    def __init__(
        self,
        database: Database,
        operations: Operations,
        board: Board,
        lease: Lease,
        clock: Clock,
    ) -> None:
        self._database = database
        self._operations = operations
        self._board = board
        self._lease = lease
        self._clock = clock

    async def write(
        self, row: DownloadRow, packed: bytes | None = None, **values: Any
    ) -> DownloadRow:
        """Write values, and the files where they changed; return the row as it is now.

        Raises:
            Overtaken: nothing was written.
        """
        async with self._database.unit_of_work() as session:
            now = await store.get(session, row.id, for_update=True)
            if now is None or now.version != row.version:
                raise Overtaken
            if not await self._lease.is_still_mine(session):
                raise Overtaken
            for name, value in values.items():
                setattr(now, name, value)
            now.updated_at = self._clock.now()
            if packed is not None:
                await store.keep_files(session, row.id, packed)
            settled = await self._operations.settle_in(session, {now.operation_id: outcome_of(now)})
        self._operations.announce_settled(settled)
        self._board.tell(now)
        return now

    async def keep_progress(self, row: DownloadRow, packed: bytes) -> None:
        """Write how far a run came that was overtaken, unless nothing of it was to be kept."""
        async with self._database.unit_of_work() as session:
            now = await store.get(session, row.id, for_update=True)
            if now is not None and now.state != "cancelled":
                await store.keep_files(session, row.id, packed)

    async def fail(self, row: DownloadRow, problem: Problem, **values: Any) -> None:
        """Write why a download failed."""
        error = problem.details.model_dump(mode="json")
        finished_at = self._clock.now()
        values = {"message": None, "finished_at": finished_at, **values}
        await self.write(row, state="failed", error=error, **values)

    async def active(self) -> Sequence[DownloadRow]:
        """Return what is wanted, the next one first."""
        async with self._database.read() as session:
            return await store.active(session)

    async def packed_files(self, download_id: str) -> bytes | None:
        async with self._database.read() as session:
            return await store.packed_files(session, download_id)

    async def files_of_others(self, row: DownloadRow) -> Sequence[bytes]:
        """Return the files of the other downloads of the repository that may go on."""
        async with self._database.read() as session:
            others = [o for o in await store.unended_of(session, row.repo) if o.id != row.id]
            found = [await store.packed_files(session, other.id) for other in others]
        return [packed for packed in found if packed is not None]


def outcome_of(row: DownloadRow) -> Outcome:
    """Return how the operation of a download stands."""
    share = row.bytes_done / row.bytes_total if row.bytes_total else None
    state: DownloadState = row.state  # pyright: ignore[reportAssignmentType]
    if state == "succeeded":
        return Outcome("succeeded", f"{row.repo} is here.", 1.0)
    if state == "failed":
        problem = Problem("download_failed", "It failed.")
        details = problem.details.model_validate(row.error) if row.error else problem.details
        return Outcome("failed", details.detail, share, details)
    if state == "paused":
        return Outcome("paused", "Paused; what has come is kept.", share)
    if state == "cancelled":
        return Outcome("cancelled", "Cancelled; its partial files are removed.")
    words = {
        "queued": "Waits for its turn.",
        "listing": "Lists the files.",
        "verifying": "Checks what came.",
    }
    return Outcome("running", row.message or words.get(state, "Fetches files."), share)
