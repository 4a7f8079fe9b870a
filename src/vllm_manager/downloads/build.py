"""Puts the downloads together: service, dispatcher and lease, from settings and what lies below."""

from dataclasses import asdict, dataclass

from vllm_manager.db import Database, Lease
from vllm_manager.downloads.board import Board
from vllm_manager.downloads.dispatcher import Dispatcher
from vllm_manager.downloads.hub import ModelHub
from vllm_manager.downloads.link import WorkerLink
from vllm_manager.downloads.record import Record
from vllm_manager.downloads.run import Conditions, Run
from vllm_manager.downloads.service import Downloads
from vllm_manager.downloads.tables import DownloadRow
from vllm_manager.downloads.worker.wire import Patience
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.loops import Loop
from vllm_manager.kit.process import own_identity
from vllm_manager.kit.topics import Hub
from vllm_manager.operations import Operations
from vllm_manager.settings import Settings

_PERIOD_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class DownloadsRoom:
    """The service to call, and what runs beside it."""

    service: Downloads
    record: Record
    lease: Lease
    link: WorkerLink
    dispatcher: Dispatcher
    loops: tuple[Loop, ...]

    async def start(self) -> None:
        """Take the lease if it is free, and begin to fetch what is wanted."""
        await self.lease.hold()
        for loop in self.loops:
            loop.start()

    async def stop(self) -> None:
        """End the fetching; what has come stays, and goes on with the next start."""
        for loop in self.loops:
            await loop.stop()
        await self.dispatcher.close()
        await self.lease.release()


def build(
    settings: Settings,
    database: Database,
    operations: Operations,
    model_hub: ModelHub,
    hub: Hub,
    clock: Clock,
    patience: Patience | None = None,
) -> DownloadsRoom:
    """Return the room for these settings; nothing runs until its `start`."""
    board = Board(hub, clock)
    lease = Lease(database, "downloads", own_identity(), settings.lease_seconds, clock)
    record = Record(database, operations, board, lease, clock)
    link = WorkerLink(settings.download_bytes_per_second)
    conditions = Conditions(
        store=str(settings.model_store.resolve()),
        connections=settings.download_connections,
        patience=asdict(patience or Patience()),
        trusted=settings.trusted_hub_hosts,
        proxy=settings.hub_proxy.get_secret_value() if settings.hub_proxy else None,
        proxied=settings.proxied_hub_hosts,
        trusted_models=settings.trusted_models,
    )

    def new_run(row: DownloadRow) -> Run:
        return Run(row, model_hub, link, board, record, clock, conditions)

    dispatcher = Dispatcher(
        record, lease, link, new_run, settings.model_store, settings.downloads_at_once, clock
    )
    dispatch = Loop("downloads", dispatcher.step, _PERIOD_SECONDS)
    dispatcher.nudge = dispatch.nudge

    async def hold() -> None:
        await lease.hold()

    renew = Loop("downloads-lease", hold, settings.lease_seconds / 3)
    service = Downloads(database, operations, board, clock, dispatch.nudge)
    return DownloadsRoom(service, record, lease, link, dispatcher, (renew, dispatch))
