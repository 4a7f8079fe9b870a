"""One file of a download while it is fetched: its part, what is left of it, and how far it is."""

import json
import threading
from collections.abc import Sequence
from typing import Any, cast

from vllm_manager.downloads.layout import ModelFolder
from vllm_manager.downloads.worker.disk import Disk
from vllm_manager.downloads.worker.failures import Failure
from vllm_manager.downloads.worker.part import Part
from vllm_manager.downloads.worker.pieces import Queue
from vllm_manager.downloads.worker.request import Wanted

_INDEX_BYTES = 64 << 20
_PICKLE = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib")


class Item:
    """A file under way, fetched once though several names of the model may show it."""

    def __init__(
        self,
        wanted: Wanted,
        folder: ModelFolder,
        sums: tuple[str | None, str],
        places: Sequence[int],
        disk: Disk,
    ) -> None:
        self.wanted = wanted
        self.places = places
        self.target: str | None = None
        """Where the hub sent us for it, until that answers no more."""
        self.state = "waiting"
        self.bytes_done = 0
        self.restarted = False
        self._lock = threading.Lock()
        self._blob = folder.blob(wanted.checksum)
        self.part = Part(self._blob, wanted.size_bytes, *sums, write=disk.write)
        self.queue = Queue([])
        self._is_open = False

    def look(self) -> None:
        """Find out what of it is on disk."""
        if self._blob.is_file() and self._blob.stat().st_size == self.wanted.size_bytes:
            self.state, self.bytes_done = "done", self.wanted.size_bytes
        else:
            self.bytes_done = self.part.on_disk_bytes()
            self.queue = Queue([(0, self.wanted.size_bytes)])

    @property
    def missing_bytes(self) -> int:
        return self.wanted.size_bytes - self.bytes_done

    def begin(self) -> None:
        """Open it, and learn which ranges are missing. Called by one thread, before any other."""
        if not self._is_open:
            self.part.open()
            self._renew()

    def restart(self) -> None:
        """Forget what came of it: its checksum is wrong."""
        self.part.restart()
        self.restarted = True
        self._renew()

    def add(self, count: int) -> None:
        """Count bytes that came, or (negative) that have to come again."""
        with self._lock:
            self.bytes_done += count

    def mark(self, offset: int) -> bool:
        """Note a block as written; return whether it was the last one, True to one thread alone."""
        with self._lock:
            self.part.mark(offset)
            if self.state == "verifying" or not self.part.is_complete:
                return False
            self.state = "verifying"
            return True

    def is_mine_to_complete(self) -> bool:
        """Whether it has nothing left to fetch, was not checked yet, and nobody else does it."""
        with self._lock:
            if self.state in ("verifying", "done") or not self.part.is_complete:
                return False
            self.state = "verifying"
            return True

    def finish(self) -> None:
        """Give it its name: it is what was listed."""
        self.part.finish()
        self.state = "done"

    def discard(self) -> None:
        self.part.close()
        self.part.discard()

    def refuse_pickle(self) -> None:
        """Read a weights index before anything that it names is fetched.

        Raises:
            Failure: it names pickle files as weights.
        """
        path = self.wanted.path
        if not path.endswith(".index.json") or self.wanted.size_bytes > _INDEX_BYTES:
            return
        try:
            told: Any = json.loads(self._blob.read_bytes())
        except (OSError, ValueError):
            return
        named = cast("dict[str, Any]", told).get("weight_map") if isinstance(told, dict) else None
        files = cast("dict[str, Any]", named).values() if isinstance(named, dict) else ()
        for name in files:
            if isinstance(name, str) and name.endswith(_PICKLE):
                raise Failure(
                    "pickle_refused",
                    f"{path} names {name} as weights, which is a pickle file and can run any code "
                    "when it is loaded. Look for a repository with safetensors.",
                    evidence=name,
                    status=422,
                )

    def _renew(self) -> None:
        self._is_open = True
        self.state = "running"
        missing = self.part.missing()
        self.queue.ranges[:] = missing
        self.queue.left_bytes = sum(end - start for start, end in missing)
        self.bytes_done = self.wanted.size_bytes - self.queue.left_bytes
