"""A repository of ten thousand files: listed, fetched and shown without holding anybody up."""

import asyncio
import time
from pathlib import Path

from downloads.room import downloads_in
from support.hub import Hub, many_files
from vllm_manager.downloads.schemas import FILES_IN_DETAILS

COUNT = 10_000


class Heartbeat:
    """Notes the longest that the event loop computed without a break, whatever else the machine
    does."""

    def __init__(self) -> None:
        self.longest_seconds = 0.0
        self._task = asyncio.create_task(self._beat())

    async def _beat(self) -> None:
        while True:
            before = time.thread_time()
            await asyncio.sleep(0.005)
            self.longest_seconds = max(self.longest_seconds, time.thread_time() - before)

    def stop(self) -> float:
        self._task.cancel()
        return self.longest_seconds


async def test_the_event_loop_goes_on_meanwhile(tmp_path: Path) -> None:
    repository = many_files(COUNT)
    (commit,) = repository.commits.values()
    with Hub([repository]) as hub:
        async with downloads_in(tmp_path, hub) as room:
            room.listing.listing_of(commit)
            heart = Heartbeat()
            asked = await room.pull("acme/many-files")
            listed = await room.wait_for(asked, lambda d: d.files_total is not None)
            assert listed.files_total == COUNT - 1  # all but the card
            await room.downloads.service.act(asked.id, "pause")
            assert heart.stop() < 0.3


async def test_its_files_are_shown_page_by_page(tmp_path: Path) -> None:
    with Hub([many_files(1200)]) as hub:
        async with downloads_in(tmp_path, hub) as room:
            asked = await room.pull("acme/many-files")
            done = await room.wait_for(asked, "succeeded")
            details = await room.downloads.service.get(asked.id)
            assert len(details.files) == FILES_IN_DETAILS
            seen: list[str] = []
            cursor = None
            while True:
                page = await room.downloads.service.files(asked.id, 500, cursor)
                seen += [file.path for file in page.items]
                cursor = page.next_cursor
                if cursor is None:
                    break
            assert len(seen) == len(set(seen)) == done.files_total
            assert {file.state for file in page.items} == {"done"}
