"""The downloads with a real database, a real fetching process and a hub on loopback."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from support.application import database_in, settings_in
from support.hub import Commit
from support.hub import Hub as TestHub
from vllm_manager.db import Database
from vllm_manager.downloads import store
from vllm_manager.downloads.build import DownloadsRoom, build
from vllm_manager.downloads.files import KeptFile
from vllm_manager.downloads.schemas import Download, DownloadRequest
from vllm_manager.downloads.tables import DownloadRow
from vllm_manager.downloads.worker.wire import Patience
from vllm_manager.kit.clock import SystemClock
from vllm_manager.kit.errors import Problem
from vllm_manager.kit.topics import Hub
from vllm_manager.operations import Operations

QUICK = Patience(
    connect_seconds=5,
    answer_seconds=5,
    read_seconds=1.5,
    stalled_seconds=0.7,
    attempts=4,
    first_wait_seconds=0.05,
)


@dataclass(frozen=True)
class Listing:
    commit: str
    files: Sequence[KeptFile]


class DeclaredHub:
    """The downloads' view of a hub, from what the test declared: no HTTP before the first file."""

    def __init__(self, hub: TestHub) -> None:
        self.hub = hub
        self.token: str | None = None
        self.problems: list[Problem] = []
        """Raised by the next listings, one each."""
        self.listed = 0
        self._made: dict[str, Listing] = {}

    @property
    def endpoint(self) -> str:
        return self.hub.url

    async def files(self, repo: str, revision: str, token: str | None) -> Listing:
        self.listed += 1
        if self.problems:
            raise self.problems.pop(0)
        repository = self.hub.repositories.get(repo)
        commit = repository.find(revision) if repository else None
        if commit is None:
            raise Problem("model_gone", f"There is no {repo} at {revision}.", status=404)
        return self.listing_of(commit)

    def listing_of(self, commit: Commit) -> Listing:
        """Return a commit's files; made once, as a hub has them ready."""
        if commit.sha in self._made:
            return self._made[commit.sha]
        found = [
            KeptFile(
                entry.path,
                entry.content.size_bytes,
                entry.content.sha256 if entry.is_lfs else None,
                entry.oid,
            )
            for entry in commit.files.values()
        ]
        if len(found) > 1000:
            self._made[commit.sha] = Listing(commit.sha, found)
        return Listing(commit.sha, found)

    async def token_of(self, user_id: str | None) -> str | None:
        return self.token


@dataclass
class Room:
    """What a test of the downloads has at hand."""

    database: Database
    hub: TestHub
    listing: DeclaredHub
    topics: Hub
    operations: Operations
    downloads: DownloadsRoom
    store: Path

    async def pull(self, repo: str, revision: str = "main", **more: object) -> Download:
        asked = DownloadRequest.model_validate({"repo": repo, "revision": revision, **more})
        return await self.downloads.service.create(asked, None)

    async def row(self, download: Download) -> DownloadRow:
        """Return a download's row as it is now."""
        async with self.database.read() as session:
            row = await store.get(session, download.id)
        assert row is not None
        return row

    async def wait_for(
        self,
        download: Download,
        wanted: str | Callable[[Download], bool],
        within_seconds: float = 60,
    ) -> Download:
        """Return the download once it is as wanted."""
        seen = [download]

        async def is_as_wanted() -> bool:
            seen[0] = await self.downloads.service.get(download.id)
            return wanted(seen[0]) if callable(wanted) else seen[0].state == wanted

        try:
            await until(is_as_wanted, within_seconds)
        except TimeoutError as error:
            error.add_note(seen[0].model_dump_json(indent=1))
            raise
        return seen[0]

    def folder(self, repo: str) -> Path:
        return self.store / f"models--{repo.replace('/', '--')}"

    def left(self, repo: str) -> list[str]:
        """Return the names of parts and journals that are on disk."""
        found = self.folder(repo).glob("blobs/*")
        return sorted(path.name for path in found if path.suffix in (".part", ".journal"))


async def until(condition: Callable[[], Awaitable[bool]], within_seconds: float = 60) -> None:
    """Return once a condition holds."""
    async with asyncio.timeout(within_seconds):
        while not await condition():  # noqa: ASYNC110 - what it waits for has no event
            await asyncio.sleep(0.02)


@asynccontextmanager
async def downloads_in(
    folder: Path, hub: TestHub, patience: Patience = QUICK, **settings: object
) -> AsyncGenerator[Room]:
    """Run the downloads on a database of their own."""
    async with (
        database_in(folder) as database,
        room_on(database, folder, hub, patience, **settings) as room,
    ):
        yield room


@asynccontextmanager
async def room_on(
    database: Database,
    folder: Path,
    hub: TestHub,
    patience: Patience = QUICK,
    **settings: object,
) -> AsyncGenerator[Room]:
    """Run the downloads on a database that is there."""
    clock, topics, listing = SystemClock(), Hub("test"), DeclaredHub(hub)
    operations = Operations(database, topics, clock)
    told = settings_in(folder, **settings)
    downloads = build(told, database, operations, listing, topics, clock, patience)
    await downloads.start()
    try:
        yield Room(database, hub, listing, topics, operations, downloads, told.model_store)
    finally:
        await downloads.stop()
