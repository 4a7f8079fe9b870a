"""One download: its threads, its files, what it says of itself, and how it ends."""

import threading
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from vllm_manager.downloads.layout import ModelFolder
from vllm_manager.downloads.worker.claim import Claim, taken_by
from vllm_manager.downloads.worker.disk import Disk, refusal, too_small
from vllm_manager.downloads.worker.failures import Failure, Stopped
from vllm_manager.downloads.worker.fetch import ChangedItem, Fetcher, Piece
from vllm_manager.downloads.worker.item import Item
from vllm_manager.downloads.worker.limiter import Limiter
from vllm_manager.downloads.worker.pieces import Pool, piece_bytes
from vllm_manager.downloads.worker.request import Wanted
from vllm_manager.downloads.worker.tally import Tally
from vllm_manager.downloads.worker.tunnel import Tunnel
from vllm_manager.downloads.worker.wire import Patience, Resolve, Wire
from vllm_manager.kit.proxies import HttpProxy

_TICK_SECONDS = 0.5
_CLAIM_TRIES = 60

Outcome = Literal["succeeded", "failed", "stopped", "changed"]
Emit = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Order:
    """What the control plane wants fetched."""

    id: str
    endpoint: str
    repo: str
    revision: str
    commit: str
    token: str | None
    store: Path
    connections: int
    files: Sequence[tuple[str, int, str | None, str]]
    """Path, size in bytes, sha256 (of files in LFS), git blob id."""
    patience: Patience
    trusted: Sequence[str] = ()
    """Further places (`host:port`) that may lie inside a network."""
    tunnel: Tunnel | None = None
    """The proxy to go through, and where to."""

    @classmethod
    def of(cls, told: dict[str, Any]) -> "Order":
        """Read what came over the pipe."""
        return cls(
            id=told["id"],
            endpoint=told["endpoint"],
            repo=told["repo"],
            revision=told["revision"],
            commit=told["commit"],
            token=told["token"],
            store=Path(told["store"]),
            connections=told["connections"],
            files=[(path, size, sha256, blob) for path, size, sha256, blob in told["files"]],
            patience=Patience(**told.get("patience", {})),
            trusted=told.get("trusted", ()),
            tunnel=_tunnel(told.get("proxy"), told.get("proxied", ())),
        )


class Job:
    """Runs one order on threads of its own; tells of it twice a second, and once at the end."""

    def __init__(
        self,
        order: Order,
        emit: Emit,
        limiter: Limiter,
        resolve: Resolve,
        disk: Disk | None = None,
    ) -> None:
        self.limiter = limiter
        self.tally = Tally()
        self.stopping = threading.Event()
        self.token = order.token
        self._order = order
        self._emit = emit
        self._disk = disk or Disk()
        self._folder = ModelFolder(order.store, order.repo)
        self._claim = Claim(self._folder.claim)
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._error: BaseException | None = None
        self._message: str | None = None
        self._items = _items(order, self._folder, self._disk)
        self._pool = Pool(())
        self._by_queue: dict[int, Item] = {}
        self._fetchers = [
            Fetcher(self, Wire(resolve, order.patience, order.tunnel), order.patience)
            for _ in range(order.connections)
        ]
        self._working = 0
        self._told: dict[int, tuple[int, str]] = {}
        self._thread = threading.Thread(target=self._run, name=f"job-{order.id}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask it to stop soon; what has come stays."""
        self.stopping.set()
        for fetcher in self._fetchers:
            fetcher.hang_up()

    def join(self) -> None:
        """Wait until it has said how it ended."""
        self._thread.join()

    def take(self, mine: Item | None) -> Piece | None:
        """Give a thread its next range; files that are complete already are checked on the way."""
        while not self.stopping.is_set():
            with self._lock:
                queue = self._pool.pick(mine.queue if mine else None)
                if queue is None:
                    return None
                item = self._by_queue[id(queue)]
                item.begin()
                if queue.ranges:
                    start, end = queue.cut(piece_bytes(queue, self._order.connections))
                    queue.threads += 1
                    return Piece(item, start, end)
            if item.is_mine_to_complete():
                self.complete(item)
        raise Stopped

    def leave(self, item: Item) -> None:
        with self._lock:
            item.queue.threads -= 1

    def complete(self, item: Item) -> None:
        """Check a file whose every byte is there, and give it its name.

        Raises:
            Failure: its checksum is wrong, twice where its first part is of an earlier run.
        """
        if item.part.is_sound():
            item.finish()
            item.refuse_pickle()
            return
        if item.part.resumed and not item.restarted:
            with self._lock:
                item.restart()
                self._pool.add(item.queue)
            return
        found = item.part.found()
        item.discard()
        raise _corrupt(item.wanted, found)

    def trouble(self, failure: str | None, wait_seconds: float = 0) -> None:
        """Remember why nothing comes; None when something does."""
        self._message = failure and f"{failure} Tried again in {wait_seconds:.0f} s."

    def _run(self) -> None:
        try:
            outcome, error = self._work(), None
        except Stopped:
            outcome, error = "stopped", None
        except ChangedItem as change:
            change.item.discard()
            outcome, error = "changed", _changed(change)
        except Failure as failure:
            outcome, error = "failed", failure
        except OSError as problem:
            outcome, error = "failed", refusal(problem, self._order.store)
        except Exception as bug:
            traceback.print_exc()  # to the control plane's log; the download must not hang
            outcome, error = "failed", _fault(bug)
        finally:
            for item in self._items:
                item.part.close()
            self._claim.release()
        self._say_progress()
        told = {"id": self._order.id, "event": "end", "outcome": outcome}
        self._emit({**told, "error": error.as_json() if error else None})

    def _work(self) -> Outcome:
        self._folder.prepare()
        self._take_claim()
        for item in self._items:
            item.look()
        self._refuse_if_too_large()
        left = [item for item in self._items if item.state != "done"]
        self._by_queue = {id(item.queue): item for item in left}
        self._pool = Pool(item.queue for item in left)
        self._fetch_all(min(len(self._fetchers), max(1, len(left) * 8)) if left else 0)
        if self._error is not None:
            raise self._error
        if self.stopping.is_set():
            raise Stopped
        unfinished = [item.wanted.path for item in self._items if item.state != "done"]
        assert not unfinished, unfinished  # a model is shown whole, or not at all
        names = [(path, sha256 or blob) for path, _, sha256, blob in self._order.files]
        self._folder.publish(self._order.commit, self._order.revision, names)
        return "succeeded"

    def _take_claim(self) -> None:
        """Wait for a process that was just killed to be gone; a living one is a failure."""
        owner = self._claim.take()
        for _ in range(_CLAIM_TRIES):
            if owner is None:
                return
            if self.stopping.wait(_TICK_SECONDS):
                raise Stopped
            owner = self._claim.take()
        if owner is not None:
            raise taken_by(owner)

    def _refuse_if_too_large(self) -> None:
        missing = sum(item.missing_bytes for item in self._items)
        free = self._disk.free_bytes(self._folder.path)
        if missing > free:
            raise too_small(self._order.store, missing, free)

    def _fetch_all(self, threads: int) -> None:
        self._working = threads
        for number in range(threads):
            fetcher = self._fetchers[number]
            name = f"fetch-{number}"
            threading.Thread(target=self._serve, args=(fetcher,), name=name, daemon=True).start()
        while self._working and not self._ended.wait(_TICK_SECONDS):
            self._claim.touch()
            self._say_progress()

    def _serve(self, fetcher: Fetcher) -> None:
        """Run one thread; the first that fails ends the others."""
        try:
            fetcher.run()
        except BaseException as error:
            with self._lock:
                self._error = self._error or error
            self.stop()
        finally:
            with self._lock:
                self._working -= 1
                if not self._working:
                    self._ended.set()

    def _say_progress(self) -> None:
        speed = self.tally.bytes_per_second()
        verifying = all(item.state in ("verifying", "done") for item in self._items)
        is_silent = self.tally.silent_seconds() >= self._order.patience.stalled_seconds
        with suppress(OSError):
            self._emit(
                {
                    "id": self._order.id,
                    "event": "progress",
                    "bytes_done": sum(i.bytes_done * len(i.places) for i in self._items),
                    "files_done": sum(len(i.places) for i in self._items if i.state == "done"),
                    "bytes_per_second": speed,
                    "received_bytes": self.tally.received,
                    "verifying": verifying,
                    "stalled": is_silent and not verifying,
                    "message": self._message,
                    "files": self._changed_files(),
                }
            )

    def _changed_files(self) -> list[tuple[int, int, str]]:
        """Return place, bytes and state of the files that are not as they were last told."""
        changed: list[tuple[int, int, str]] = []
        for item in self._items:
            now = (item.bytes_done, item.state)
            if self._told.get(item.places[0], (0, "waiting")) != now:
                self._told[item.places[0]] = now
                changed += [(place, *now) for place in item.places]
        return changed


def _tunnel(proxy: str | None, places: Sequence[str]) -> Tunnel | None:
    return Tunnel(HttpProxy.of(proxy), tuple(places)) if proxy else None


def _items(order: Order, folder: ModelFolder, disk: Disk) -> list[Item]:
    """Return one item for each different content: indexes first, since they can end it all."""
    places: dict[str, list[int]] = {}
    for place, (_, _, sha256, blob) in enumerate(order.files):
        places.setdefault(sha256 or blob, []).append(place)
    items = [_item(order, folder, disk, found) for found in places.values()]
    items.sort(key=lambda i: (not i.wanted.path.endswith(".index.json"), -i.wanted.size_bytes))
    return items


def _item(order: Order, folder: ModelFolder, disk: Disk, places: Sequence[int]) -> Item:
    path, size, sha256, blob = order.files[places[0]]
    checksum = sha256 or blob
    wanted = Wanted(order.endpoint, order.repo, order.commit, path, size, checksum)
    return Item(wanted, folder, (sha256, blob), places, disk)


def _corrupt(wanted: Wanted, found: str) -> Failure:
    return Failure(
        "file_corrupt",
        f"{wanted.path} is not what the hub listed: its checksum is {found[:12]}…, expected was "
        f"{wanted.checksum[:12]}…. It was removed; retry to fetch it anew. If it stays so, the "
        "hub or a proxy in between damages it.",
        retryable=True,
        evidence=f"{wanted.path}: {found} instead of {wanted.checksum}",
    )


def _fault(bug: Exception) -> Failure:
    return Failure(
        "download_failed",
        f"A fault of ours ended the download: {type(bug).__name__}. What has come is kept; retry, "
        "and report it with the log.",
        evidence=str(bug),
        status=500,
    )


def _changed(change: ChangedItem) -> Failure:
    return Failure(
        "changed_upstream",
        f"The repository changes while it is fetched: {change}. Retry when that is over, or name "
        "a commit instead of a branch.",
        retryable=True,
        evidence=str(change),
        status=409,
    )
