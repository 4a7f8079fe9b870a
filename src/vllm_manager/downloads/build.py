"""Puts the downloads together: service, board and loops, from settings and what lies below."""

from dataclasses import dataclass

from vllm_manager.db import Database
from vllm_manager.downloads.board import Board
from vllm_manager.downloads.service import Downloads
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.loops import Loop
from vllm_manager.kit.topics import Hub
from vllm_manager.operations import Operations


@dataclass(frozen=True, slots=True)
class DownloadsRoom:
    """The service to call, and what runs beside it."""

    service: Downloads
    loops: tuple[Loop, ...]

    async def start(self) -> None:
        """Begin to fetch what is wanted."""
        for loop in self.loops:
            loop.start()

    async def stop(self) -> None:
        """End the fetching; what has come stays, and goes on with the next start."""
        for loop in self.loops:
            await loop.stop()


def build(database: Database, operations: Operations, hub: Hub, clock: Clock) -> DownloadsRoom:
    """Return the room; nothing runs until its `start`."""
    board = Board(hub, clock)
    service = Downloads(database, operations, board, clock, lambda: None)
    return DownloadsRoom(service, ())
