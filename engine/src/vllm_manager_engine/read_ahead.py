"""Reads a model's weights into the page cache while its engine is still being started.

It takes nothing from anybody: a thread of the lowest priority, no memory of its own but one buffer,
and nothing at all where the weights would not stay in memory until the engine reads them.
"""

import contextlib
import json
import logging
import os
import threading
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vllm_manager_engine.warm import room

log = logging.getLogger(__name__)

# What is read must stay until the engine asks for it, beside what that takes for itself.
_SHARE = 0.5
_STEP_BYTES = 8 * 1024 * 1024
_LOWEST_PRIORITY = 19
_INDEX = "model.safetensors.index.json"


def weights(folder: Path) -> list[Path]:
    """Return the files that an engine loads from `folder`, in its order; empty where it's unclear.

    A folder may hold the same weights twice; then its index names those that are loaded.
    """
    try:
        found = sorted(folder.glob("*.safetensors"))
        index = folder / _INDEX
        if index.is_file():
            named: dict[str, Any] = json.loads(index.read_text())["weight_map"]
            found = [path for path in found if path.name in set(named.values())]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []
    return found


def chosen(files: Sequence[Path], available_bytes: int | None) -> list[Path]:
    """Return `files`, or none of them where they are too large for the memory that is left."""
    try:
        size_bytes = sum(path.stat().st_size for path in files)
    except OSError:
        return []
    if available_bytes is None or size_bytes > _SHARE * available_bytes:
        return []
    return list(files)


class Reading:
    """One reading ahead; `bytes_read` grows until it is through, or was stopped."""

    def __init__(self, folder: Path, available_bytes: int | None) -> None:
        self.bytes_read = 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(folder, available_bytes), name="read-ahead", daemon=True
        )
        self._thread.start()

    @property
    def is_over(self) -> bool:
        return not self._thread.is_alive()

    def stop(self) -> None:
        """Read no further. Does not wait."""
        self._stopped.set()

    def _run(self, folder: Path, available_bytes: int | None) -> None:
        with contextlib.suppress(OSError):  # a thread has a priority of its own on Linux
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOWEST_PRIORITY)
        files = chosen(weights(folder), available_bytes)
        try:
            self._read(files)
        except OSError as error:
            log.info("Reading ahead in %s ended: %s", folder, error)
        if self.bytes_read:
            log.info("Read %d bytes of weights ahead in %s", self.bytes_read, folder)

    def _read(self, files: Iterable[Path]) -> None:
        buffer = bytearray(_STEP_BYTES)
        for path in files:
            with open(path, "rb", buffering=0) as file:
                while not self._stopped.is_set():
                    following = file.tell() + _STEP_BYTES
                    os.posix_fadvise(file.fileno(), following, _STEP_BYTES, os.POSIX_FADV_WILLNEED)
                    count = file.readinto(buffer)
                    self.bytes_read += count or 0
                    if not count:
                        break


@contextmanager
def reading(folder: Path | None) -> Generator[Reading | None]:
    """Read the weights in `folder` ahead until the end of the `with`; None: nothing is read.

    Only on Linux: elsewhere neither the priority of a thread nor the memory that is left is known.
    """
    if folder is None or not room.is_linux():
        yield None
        return
    begun = Reading(folder, room.available_bytes())
    try:
        yield begun
    finally:
        begun.stop()
