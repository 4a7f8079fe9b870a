"""One download from its listing to its end, as the control plane sees it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from vllm_manager.catalog.refusals import Asked, refusal
from vllm_manager.downloads.board import Board, Progress
from vllm_manager.downloads.files import KeptFile, pack, unpack
from vllm_manager.downloads.hub import ListedFile, ModelHub
from vllm_manager.downloads.link import Ended, Json, WorkerDied, WorkerLink
from vllm_manager.downloads.patterns import choose
from vllm_manager.downloads.record import Overtaken, Record
from vllm_manager.downloads.tables import DownloadRow
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.errors import Cause, Problem, Remedy

_BETWEEN_WRITES_SECONDS: Final = 5.0
_LISTINGS: Final = 3
"""So often a repository may change under a download before that is said."""
_TRIES: Final = 6
_FIRST_WAIT_SECONDS: Final = 1.0
_LONGEST_WAIT_SECONDS: Final = 300.0


@dataclass(frozen=True, slots=True)
class Conditions:
    """What holds for every run."""

    store: str
    connections: int
    patience: Json
    trusted: Sequence[str] = ()
    """Places (`host:port`) that may lie inside a network, as the hub itself may."""
    proxy: str | None = field(default=None, repr=False)
    """The proxy's address with its credentials; as a token, it goes down the pipe alone."""
    proxied: Sequence[str] = ()
    """Places (`host:port`) that may be asked through it."""
    trusted_models: frozenset[str] = frozenset()
    """Models whose own code may run, as `organisation/name@commit`."""


class Run:
    """Lists, orders, follows and records one download. Cancel its task to end it with the room."""

    def __init__(
        self,
        row: DownloadRow,
        hub: ModelHub,
        link: WorkerLink,
        board: Board,
        record: Record,
        clock: Clock,
        conditions: Conditions,
    ) -> None:
        self.id = row.id
        self.repo = row.repo
        self.version = row.version
        self._row = row
        self._hub = hub
        self._link = link
        self._board = board
        self._record = record
        self._clock = clock
        self._conditions = conditions
        self._files: Sequence[KeptFile] = ()
        self._progress = Progress()
        self._written_at = 0.0
        self._writing: asyncio.Task[None] | None = None
        self._is_stopped = False

    async def drive(self) -> None:
        """Bring the download to its end, whichever it is; every failure is written down."""
        try:
            await self._fetch_until_it_stays_the_same()
        except Overtaken:
            pass
        except Problem as problem:
            await self._fail(problem)
        finally:
            if self._board.progress(self.id) is self._progress:
                self._board.end(self.id)

    async def stop(self) -> None:
        """Ask for its end, since the row says so by now."""
        self._is_stopped = True
        await self._link.stop(self.id)

    async def _fetch_until_it_stays_the_same(self) -> None:
        for attempt in range(1, _LISTINGS + 1):
            token = await self._hub.token_of(self._row.user_id)
            await self._list(token)
            ended = await self._fetch(token)
            await self._finish_writing()
            if ended.outcome != "changed" or attempt == _LISTINGS:
                await self._end(ended, token)
                return
            self._row = await self._record.write(self._row, commit=None, state="listing")

    async def _list(self, token: str | None) -> None:
        """Know the files: from before where they were listed, else from the hub."""
        packed = await self._record.packed_files(self.id)
        if self._row.commit is not None and packed is not None:
            self._files = await asyncio.to_thread(unpack, packed)
            return
        self._row = await self._record.write(self._row, state="listing")
        commit, listed = await self._ask_hub(token)
        code = f"{self.repo}@{commit}" in self._conditions.trusted_models
        self._files, packed = await asyncio.to_thread(_chosen, listed, self._row.include, code)
        self._row = await self._record.write(
            self._row,
            packed,
            commit=commit,
            message=None,
            bytes_total=sum(file.size_bytes for file in self._files),
            files_total=len(self._files),
        )

    async def _ask_hub(self, token: str | None) -> tuple[str, Sequence[ListedFile]]:
        wait_seconds = _FIRST_WAIT_SECONDS
        for attempt in range(1, _TRIES + 1):
            try:
                listing = await self._hub.files(self.repo, self._row.revision, token)
            except Problem as problem:
                if not problem.details.retryable or attempt == _TRIES:
                    raise
                after_seconds = max(wait_seconds, problem.details.retry_after_seconds or 0)
                await self._wait(problem, min(after_seconds, _LONGEST_WAIT_SECONDS))
                wait_seconds *= 2
            else:
                return listing.commit, listing.files
        raise AssertionError("unreachable")

    async def _wait(self, problem: Problem, seconds: float) -> None:
        message = f"{problem.details.detail} Tried again in {seconds:.0f} s."
        self._row = await self._record.write(self._row, message=message)
        await self._clock.sleep(seconds)

    async def _fetch(self, token: str | None) -> Ended:
        """Have the files fetched; a fetching process that dies is replaced."""
        wait_seconds = _FIRST_WAIT_SECONDS
        for attempt in range(1, _TRIES + 1):
            for file in self._files:  # the fetching process tells what is on disk
                file.bytes_done, file.state = 0, "waiting"
            self._progress = self._board.begin(self.id, self._files)
            self._progress.bytes_done = self._row.bytes_done
            self._row = await self._record.write(self._row, state="running", message=None)
            if self._is_stopped:
                raise Overtaken
            try:
                return await self._link.fetch(self._order(token), self._on_progress)
            except WorkerDied:
                if attempt == _TRIES:
                    raise _worker_dies() from None
            await self._clock.sleep(wait_seconds)
            wait_seconds *= 2
        raise AssertionError("unreachable")

    def _asked(self, token: str | None) -> Asked:
        commit = self._row.commit
        return Asked(self._hub.endpoint, self.repo, commit, has_token=token is not None)

    def _order(self, token: str | None) -> dict[str, Any]:
        return {
            "id": self.id,
            "endpoint": self._hub.endpoint,
            "repo": self.repo,
            "revision": self._row.revision,
            "commit": self._row.commit,
            "token": token,
            "store": self._conditions.store,
            "connections": self._conditions.connections,
            "patience": self._conditions.patience,
            "trusted": self._conditions.trusted,
            "proxy": self._conditions.proxy,
            "proxied": self._conditions.proxied,
            "files": [(f.path, f.size_bytes, f.sha256, f.git_blob_id) for f in self._files],
        }

    def _on_progress(self, told: Json) -> None:
        self._progress.take(told)
        if self._board.progress(self.id) is not self._progress:
            return  # people decided otherwise; what they decided is shown
        self._board.tell(self._row)
        state = "verifying" if told["verifying"] else "running"
        due = self._clock.monotonic() - self._written_at >= _BETWEEN_WRITES_SECONDS
        if (due or state != self._row.state) and (self._writing is None or self._writing.done()):
            self._written_at = self._clock.monotonic()
            self._writing = asyncio.create_task(self._write_progress(state), name="progress")

    async def _write_progress(self, state: str) -> None:
        try:
            self._row = await self._record.write(self._row, state=state, **self._figures())
        except Overtaken:
            await self.stop()

    async def _finish_writing(self) -> None:
        if self._writing is not None:
            await self._writing
            self._writing = None

    def _figures(self) -> dict[str, Any]:
        progress = self._progress
        return {
            "bytes_done": progress.bytes_done,
            "files_done": progress.files_done,
            "message": progress.message,
        }

    async def _end(self, ended: Ended, token: str | None) -> None:
        packed = await asyncio.to_thread(pack, self._files)
        if ended.outcome == "stopped":
            await self._record.keep_progress(self._row, packed)
        elif ended.outcome == "succeeded":
            done = {"state": "succeeded", "finished_at": self._clock.now(), "message": None}
            await self._record.write(self._row, packed, **{**self._figures(), **done})
        else:
            problem = _problem_of(ended.error or {}, self._asked(token))
            await self._record.fail(self._row, problem, packed=packed, **_sums(self._progress))

    async def _fail(self, problem: Problem) -> None:
        try:
            await self._record.fail(self._row, problem)
        except Overtaken:
            return


def _chosen(
    listed: Sequence[ListedFile], include: Sequence[str] | None, code: bool
) -> tuple[Sequence[KeptFile], bytes]:
    files = [_kept(file) for file in choose(listed, include, code=code)]
    return files, pack(files)


def _kept(file: ListedFile) -> KeptFile:
    if file.sha256 is None and file.git_blob_id is None:
        raise Problem(
            "no_checksum",
            f"The hub lists {file.path} without a checksum, so it can't be told whether what "
            "comes is what was meant. Use the Hub itself, or a mirror that tells checksums.",
            status=502,
        )
    return KeptFile(file.path, file.size_bytes, file.sha256, file.git_blob_id or "")


def _sums(progress: Progress) -> dict[str, int]:
    return {"bytes_done": progress.bytes_done, "files_done": progress.files_done}


def _problem_of(error: Json, asked: Asked) -> Problem:
    """Return the problem that the fetching process described, in the catalog's words for a hub's
    refusal."""
    if (answer := error.get("answer")) is not None:
        asked = replace(asked, path=answer.pop("path"))
        return refusal(answer.pop("status"), answer.pop("error_code"), asked, **answer)
    evidence = error.get("evidence")
    return Problem(
        str(error["code"]),
        str(error["detail"]),
        status=int(error["status"]),
        retryable=bool(error["retryable"]),
        causes=[Cause(message=str(error["detail"]), evidence=evidence)] if evidence else [],
        remediation=[Remedy(label=str(label)) for label in error["remedies"]],
    )


def _worker_dies() -> Problem:
    return Problem(
        "download_process_died",
        "The process that fetches files ended again and again; the control plane's log has its "
        "last words. What has come is kept; retry when that is mended.",
        status=500,
        retryable=True,
    )
