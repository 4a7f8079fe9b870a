"""Ask for downloads, pause, resume, cancel and retry them, and say how far they are."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from vllm_manager.auth import Principal
from vllm_manager.db import Database
from vllm_manager.downloads import states, store
from vllm_manager.downloads.board import Board
from vllm_manager.downloads.files import KeptFile, unpack
from vllm_manager.downloads.record import outcome_of
from vllm_manager.downloads.schemas import (
    FILES_IN_DETAILS,
    OPEN_STATES,
    Download,
    DownloadChange,
    DownloadDetails,
    DownloadFile,
    DownloadRequest,
    DownloadState,
)
from vllm_manager.downloads.tables import DownloadRow
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.errors import FieldError, invalid, not_found
from vllm_manager.kit.ids import new_id
from vllm_manager.kit.paging import Page, cut, decode_cursor, encode_cursor
from vllm_manager.operations import Begun, Operation, Operations

_SHOWN: Final = 50
_KEPT: Final = timedelta(days=30)
_SUBJECT_CHARACTERS: Final = 255


class Downloads:
    """What the API and other rooms ask of downloads."""

    def __init__(
        self,
        database: Database,
        operations: Operations,
        board: Board,
        clock: Clock,
        nudge: Callable[[], None],
    ) -> None:
        self._database = database
        self._operations = operations
        self._board = board
        self._clock = clock
        self._nudge = nudge

    async def create(self, asked: DownloadRequest, user: Principal | None) -> Download:
        """Accept a download; the same one that is under way, paused or failed goes on instead.

        Its files are listed and fetched in the background; what goes wrong is its `error`.
        """
        include = sorted(set(asked.include)) if asked.include is not None else None
        begun: Begun | None = None
        async with self._database.unit_of_work() as session:
            row = await store.same(session, asked.repo, asked.revision, include)
            if row is None:
                row = _new_row(asked, include, user, self._clock.now())
                begun = await self._begin(session, row)
                session.add(row)
            elif row.state in ("paused", "failed"):
                verb: states.Verb = "resume" if row.state == "paused" else "retry"
                begun = await self._apply(session, row, verb)
            row.priority = max(row.priority, asked.priority)
            settled = await self._settled(session, row)
        return self._told(row, begun, settled)

    async def ensure(self, repo: str, revision: str = "main") -> Download:
        """Return the download of a model that a deployment needs, begun now where there is none.

        A paused one stays paused, a failed one failed: people decide about these.

        Raises:
            pydantic.ValidationError: `repo` or `revision` is no name on the Hub.
        """
        known = await self.state_of(repo, revision)
        if known is not None and known.state in (*OPEN_STATES, "failed"):
            return known
        return await self.create(DownloadRequest(repo=repo, revision=revision), None)

    async def state_of(self, repo: str, revision: str = "main") -> Download | None:
        """Return the newest download of a model's usual files, by revision or commit."""
        async with self._database.read() as session:
            row = await store.newest_of(session, repo, revision)
        return self._board.view(row) if row is not None else None

    async def act(self, download_id: str, verb: states.Verb) -> Download:
        """Pause, resume, cancel or retry; doing it twice is doing it once.

        Raises:
            Problem: there is no such download (404), or it can't (409, `download_state`).
        """
        async with self._locked(download_id) as (session, row):
            begun = await self._apply(session, row, verb)
            settled = await self._settled(session, row)
        return self._told(row, begun, settled)

    async def change(self, download_id: str, change: DownloadChange) -> Download:
        """Change the priority among those that wait.

        Raises:
            Problem: there is no such download (404).
        """
        async with self._locked(download_id) as (_, row):
            row.priority = change.priority
            row.updated_at = self._clock.now()
        return self._told(row)

    async def get(self, download_id: str) -> DownloadDetails:
        """Return a download with its first files.

        Raises:
            Problem: there is no such download (404).
        """
        row, kept = await self._with_files(download_id)
        shown = [file.view() for file in kept[:FILES_IN_DETAILS]]
        return DownloadDetails(**self._board.view(row).model_dump(), files=shown)

    async def files(self, download_id: str, limit: int, cursor: str | None) -> Page[DownloadFile]:
        """Return a page of a download's files, in the order of the repository.

        Raises:
            Problem: there is no such download (404).
        """
        start = _place(cursor)
        _, kept = await self._with_files(download_id)
        end = start + limit
        next_cursor = encode_cursor(str(end)) if end < len(kept) else None
        return Page(items=[file.view() for file in kept[start:end]], next_cursor=next_cursor)

    async def list(
        self, limit: int, cursor: str | None = None, state: DownloadState | None = None
    ) -> Page[Download]:
        """Return a page of downloads, newest first."""
        before = decode_cursor(cursor)
        async with self._database.read() as session:
            rows = await store.newest(session, limit + 1, before, state)
        page, next_cursor = cut(rows, limit, [row.id for row in rows])
        return Page(items=[self._board.view(row) for row in page], next_cursor=next_cursor)

    async def views(self) -> Sequence[Download]:
        """Return the newest downloads, for the event stream's snapshot."""
        return (await self.list(_SHOWN)).items

    async def forget_old(self) -> None:
        """Delete what ended more than 30 days ago, but for the newest ones."""
        async with self._database.unit_of_work() as session:
            await store.forget(session, self._clock.now() - _KEPT, _SHOWN)

    async def _apply(
        self, session: AsyncSession, row: DownloadRow, verb: states.Verb
    ) -> Begun | None:
        """Change the row's state, and begin an operation where the last one has ended."""
        state = states.after(verb, row.state)  # pyright: ignore[reportArgumentType]
        if state == row.state:
            return None
        row.state = state
        row.version += 1
        row.updated_at = self._clock.now()
        row.message = None
        live = self._board.progress(row.id)
        if live is not None:
            row.bytes_done, row.files_done = live.bytes_done, live.files_done
            self._board.end(row.id)  # what its run says from now on is not what is wanted
        row.needs_sweep = state == "cancelled"
        row.finished_at = row.updated_at if state == "cancelled" else None
        if state == "cancelled":
            row.bytes_done = row.files_done = 0
        if verb != "retry":
            return None
        row.error = None
        row.commit = None  # listed anew: what it failed of may be gone by now
        return await self._begin(session, row)

    async def _begin(self, session: AsyncSession, row: DownloadRow) -> Begun:
        begun = await self._operations.begin(session, "model.download", _subject(row))
        row.operation_id = begun.operation.id
        return begun

    async def _settled(self, session: AsyncSession, row: DownloadRow) -> Sequence[Operation]:
        """Say in the operation how the row stands, in one transaction with the row itself."""
        return await self._operations.settle_in(session, {row.operation_id: outcome_of(row)})

    def _told(
        self, row: DownloadRow, begun: Begun | None = None, settled: Sequence[Operation] = ()
    ) -> Download:
        """Tell whoever watches, now that it is committed."""
        if begun is not None:
            self._operations.announce(begun)
        self._operations.announce_settled(settled)
        self._nudge()
        return self._board.tell(row)

    @asynccontextmanager
    async def _locked(self, download_id: str) -> AsyncGenerator[tuple[AsyncSession, DownloadRow]]:
        async with self._database.unit_of_work() as session:
            row = await store.get(session, download_id, for_update=True)
            if row is None:
                raise not_found("download", download_id)
            yield session, row

    async def _with_files(self, download_id: str) -> tuple[DownloadRow, Sequence[KeptFile]]:
        live = self._board.progress(download_id)
        async with self._database.read() as session:
            row = await store.get(session, download_id)
            packed = None if live else await store.packed_files(session, download_id)
        if row is None:
            raise not_found("download", download_id)
        if live is not None:
            return row, live.files
        return row, await asyncio.to_thread(unpack, packed) if packed is not None else []


def _new_row(
    asked: DownloadRequest, include: list[str] | None, user: Principal | None, now: datetime
) -> DownloadRow:
    return DownloadRow(
        id=new_id("dl"),
        repo=asked.repo,
        revision=asked.revision,
        include=include,
        state="queued",
        bytes_done=0,
        files_done=0,
        priority=asked.priority,
        needs_sweep=False,
        operation_id="",
        user_id=user.user_id if user else None,
        created_by=user.username if user else None,
        created_at=now,
        updated_at=now,
        version=0,
    )


def _subject(row: DownloadRow) -> str:
    """Name a download so that another of the same repository doesn't supersede its operation."""
    chosen = f" ({', '.join(row.include)})" if row.include is not None else ""
    return f"{row.repo}@{row.revision}{chosen}"[:_SUBJECT_CHARACTERS]


def _place(cursor: str | None) -> int:
    text = decode_cursor(cursor) or "0"
    if not text.isdecimal() or len(text) > 9:
        message = "Not a cursor of this list. Leave it out to start from the first page."
        raise invalid([FieldError(field="cursor", message=message, suggestion=None)])
    return int(text)
