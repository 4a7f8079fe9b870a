"""38. Disk too small: refused before the first byte, with the numbers; disk filled in mid-file:
stops cleanly, resumes."""

import errno
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from support.downloading import MIB, downloading_plane
from support.hub import Hub, declare, large, weights
from vllm_manager.downloads.worker.addresses import Addresses
from vllm_manager.downloads.worker.disk import Disk
from vllm_manager.downloads.worker.job import Job, Order
from vllm_manager.downloads.worker.limiter import Limiter
from vllm_manager.downloads.worker.wire import Patience

pytestmark = pytest.mark.survival

SIZE = 24 * MIB


def test_38_a_disk_too_small_is_refused_with_the_numbers(tmp_path: Path) -> None:
    huge = weights(1 << 50, 0, "0" * 64)
    with Hub([declare("acme/huge", {"config.json": "{}", "model.safetensors": huge})]) as hub:
        with downloading_plane(tmp_path, hub.url) as plane:
            error = plane.failure(plane.pull("acme/huge"))
        assert error["code"] == "disk_too_small"
        assert "1125899.9 GB are still to come" in error["detail"]
        assert hub.asked("resolve") == []


class SmallDisk:
    """A disk with so many bytes left; it fills up in the middle of a file."""

    def __init__(self, left_bytes: int) -> None:
        self.left_bytes = left_bytes
        self._lock = threading.Lock()

    def write(self, file: int, data: memoryview, offset: int) -> int:
        with self._lock:
            if self.left_bytes < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self.left_bytes -= len(data)
        return os.pwrite(file, data, offset)


def fetch(hub: Hub, store: Path, disk: SmallDisk) -> dict[str, Any]:
    """Fetch the model onto a disk, and return how it ended."""
    (commit,) = hub.repositories["acme/large"].commits.values()
    told: list[dict[str, Any]] = []
    files = [
        (e.path, e.content.size_bytes, e.content.sha256 if e.is_lfs else None, e.oid)
        for e in commit.files.values()
    ]
    order = Order(
        "dl", hub.url, "acme/large", "main", commit.sha, None, store, 4, files, Patience()
    )
    resolve = Addresses(hub.url).resolve
    job = Job(order, told.append, Limiter(), resolve, Disk(disk.write))
    job.start()
    job.join()
    return told[-1]


def test_38_a_disk_that_fills_up_stops_it_cleanly_and_it_goes_on(tmp_path: Path) -> None:
    disk = SmallDisk(SIZE // 2)
    with Hub([large(SIZE)]) as hub:
        full = fetch(hub, tmp_path, disk)
        assert (full["outcome"], full["error"]["code"]) == ("failed", "disk_full")
        assert "What has come is kept" in full["error"]["detail"]
        before = len(hub.requests)
        disk.left_bytes = 1 << 40
        assert fetch(hub, tmp_path, disk)["outcome"] == "succeeded"
        again = sum(r.sent_bytes for r in hub.requests[before:] if "/cdn/" in r.path)
        assert again <= SIZE // 2 + 5 * MIB
