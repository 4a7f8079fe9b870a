"""One fetching thread: takes ranges, streams them to disk, tries again, replaces connections."""

import http.client
import threading
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from vllm_manager.downloads.worker.failures import Changed, Failure, Stopped, TryAgain
from vllm_manager.downloads.worker.item import Item
from vllm_manager.downloads.worker.limiter import Limiter
from vllm_manager.downloads.worker.part import BLOCK_BYTES
from vllm_manager.downloads.worker.request import check, headers_for, offset_of
from vllm_manager.downloads.worker.tally import Tally
from vllm_manager.downloads.worker.wire import Answer, Patience, Wire, broken

_BUFFER_BYTES = 1 << 18
_HASH_AT_ONCE_BLOCKS = 4
"""Four blocks are hashed for each that comes, so that what was behind catches up."""


@dataclass(slots=True)
class Piece:
    """A range of a file. `start` moves on as blocks are written; `end` is excluded."""

    item: Item
    start: int
    end: int


class ChangedItem(Exception):
    """A file is not the one that was listed, or not the one whose first part is on disk."""

    def __init__(self, item: Item, message: str) -> None:
        super().__init__(message)
        self.item = item


class Shared(Protocol):
    """What the threads of one download share."""

    limiter: Limiter
    tally: Tally
    stopping: threading.Event
    token: str | None

    def take(self, mine: Item | None) -> Piece | None:
        """Return the next range to fetch; None where nothing is left."""
        ...

    def leave(self, item: Item) -> None:
        """Say that a thread fetches this file no more."""
        ...

    def complete(self, item: Item) -> None:
        """Check a file whose every byte is on disk, and show it."""
        ...

    def trouble(self, failure: str | None, wait_seconds: float = 0) -> None:
        """Tell people why nothing comes, or that something does."""
        ...


class Fetcher:
    """Fetches range after range until nothing is left, with connections of its own."""

    def __init__(self, shared: Shared, wire: Wire, patience: Patience) -> None:
        self._shared = shared
        self._wire = wire
        self._patience = patience
        self._buffer = memoryview(bytearray(_BUFFER_BYTES))
        self._failures = 0

    def run(self) -> None:
        """Work until nothing is left.

        Raises:
            Failure: the download can't go on.
            ChangedItem: a file is not the one that was listed.
            Stopped: somebody wants it to stop.
            OSError: the disk refuses.
        """
        piece: Piece | None = None
        try:
            while (piece := self._shared.take(piece.item if piece else None)) is not None:
                self._fetch(piece)
        except Changed as change:
            assert piece is not None
            raise ChangedItem(piece.item, str(change)) from change
        finally:
            self._wire.close()

    def hang_up(self) -> None:
        """End what it waits for."""
        self._wire.hang_up()

    def _fetch(self, piece: Piece) -> None:
        """Fetch a range, over as many connections as it takes."""
        try:
            while piece.start < piece.end:
                try:
                    self._attempt(piece)
                except TryAgain as again:
                    self._wait_after(again)
        finally:
            self._shared.leave(piece.item)

    def _attempt(self, piece: Piece) -> None:
        """Fetch as much of a range as one answer gives."""
        answer = self._open(piece)
        if answer is None:
            return
        try:
            self._stream(answer, piece)
        except BaseException:
            self._wire.drop(answer.url)
            raise
        if not answer.response.isclosed():  # more comes than was asked for
            self._wire.drop(answer.url)

    def _open(self, piece: Piece) -> Answer | None:
        """Ask for a range; None where the place that the hub led to serves it no more."""
        item, etag = piece.item, piece.item.part.etag
        headers = headers_for(piece.start, piece.end, item.wanted.size_bytes, etag)
        url, from_hub = item.target or item.wanted.url, item.target is None
        answer = self._wire.get(url, headers, self._shared.token)
        try:
            check(answer, item.wanted, from_hub=from_hub)
            at = offset_of(answer.response, item.wanted, piece.start, piece.end, etag)
        except (TryAgain, Failure):
            self._wire.drop(answer.url)
            if from_hub:
                raise
            item.target = None  # such addresses expire: the next attempt asks the hub for another
            self._count_failure(None)
            return None
        except Changed:
            self._wire.drop(answer.url)
            raise
        if from_hub:
            item.target = answer.url if answer.url != url else None
        item.part.etag = etag or answer.response.headers.get("ETag")
        if answer.response.status == 200:
            piece.end = item.queue.take_on(piece.end)
        self._skip(answer, piece.start - at)
        return answer

    def _stream(self, answer: Answer, piece: Piece) -> None:
        """Write what comes; `piece.start` moves on with every block that is written."""
        item, at = piece.item, piece.start
        try:
            while at < piece.end:
                stop = min(piece.end, (at // BLOCK_BYTES + 1) * BLOCK_BYTES)
                data = self._read(answer, stop - at)
                item.part.write(data, at)
                at += len(data)
                item.add(len(data))
                if at == stop:
                    piece.start = at
                    self._end_block(item, at)
        finally:
            item.add(piece.start - at)

    def _end_block(self, item: Item, offset: int) -> None:
        self._failures = 0
        self._shared.trouble(None)
        if item.mark(offset):
            self._shared.complete(item)
        else:
            item.part.hash_some(_HASH_AT_ONCE_BLOCKS)

    def _read(self, answer: Answer, wanted: int) -> memoryview:
        """Return the next bytes, as many as were wanted or as fit, within the bound on bytes."""
        shared = self._shared
        count = shared.limiter.portion(min(wanted, _BUFFER_BYTES))
        wait_seconds = shared.limiter.wait_seconds(count)
        if wait_seconds:
            shared.stopping.wait(wait_seconds)
            shared.tally.touch()
        if shared.stopping.is_set():
            raise Stopped
        try:
            came = answer.response.readinto(self._buffer[:count])
        except (OSError, http.client.HTTPException) as error:
            raise TryAgain(broken(_where(answer), error)) from error
        if not came:
            raise TryAgain(broken(_where(answer), ConnectionError("it ended in mid-file")))
        shared.tally.add(came)
        return self._buffer[:came]

    def _skip(self, answer: Answer, count: int) -> None:
        """Read past what is on disk, where a hub that knows no ranges sends all of a file."""
        while count > 0:
            count -= len(self._read(answer, count))

    def _wait_after(self, again: TryAgain) -> None:
        """Wait before the next attempt: longer each time, and as long as the hub asks for.

        Raises:
            Failure: it was tried often enough.
            Stopped: meanwhile somebody wants it to stop.
        """
        if self._shared.stopping.is_set():
            raise Stopped
        wait_seconds = max(self._count_failure(again.failure), again.after_seconds or 0.0)
        self._shared.trouble(again.failure.detail, wait_seconds)
        if self._shared.stopping.wait(wait_seconds):
            raise Stopped

    def _count_failure(self, failure: Failure | None) -> float:
        """Return how long to wait after one more failure in a row."""
        self._failures += 1
        if failure is not None and self._failures >= self._patience.attempts:
            raise failure
        doubled = self._patience.first_wait_seconds * 2 ** min(self._failures - 1, 16)
        return min(doubled, self._patience.longest_wait_seconds)


def _where(answer: Answer) -> str:
    return urlsplit(answer.url).netloc
