"""Usage on disk until the control plane has counted it.

Each record is appended to a file within the same turn of the event loop, so a killed worker loses
nothing. A file is a batch, named by its id: it is deleted once acknowledged, and since the control
plane counts an id once, it may be sent by anyone as often as needed. The file being written is
locked by its writer; the lock dies with it, and then others may send it.
"""

import contextlib
import fcntl
import logging
import os
from asyncio import AbstractEventLoop
from collections.abc import Generator, Sequence
from pathlib import Path

import msgspec

from vllm_manager.kit.endings import Outcome
from vllm_manager.kit.ids import new_id

log = logging.getLogger(__name__)

_SEAL_BYTES = 1 << 20
_MAX_HELD = 100_000  # records held in memory where the disk takes nothing
_QUIET_SECONDS = 60.0  # between two lines of the log that say so
_SUFFIX = ".ndjson"


class Record(msgspec.Struct, frozen=True):
    """One request to an engine, or a number of refusals within an hour.

    Counts of tokens are None where the engine did not say.
    """

    at: float
    key: str | None
    user: str
    model: str
    path: str
    status: int
    stream: bool
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None
    seconds: float
    first_token_seconds: float | None
    outcome: Outcome
    team: str | None = None
    queue_seconds: float = 0.0
    """How long it waited for a slot of its model; part of `seconds`."""
    base: str = ""
    """The deployment's own name, where `model` is an adapter of it; what limits go by."""
    refusals: int = 0
    """Above 0: so many requests that the gateway refused itself, and nothing else."""


class Journal:
    """The batches of one worker, and those that dead workers left behind."""

    def __init__(self, folder: Path, loop: AbstractEventLoop) -> None:
        self._folder = folder
        self._loop = loop
        self._encode = msgspec.json.Encoder().encode
        self._held: list[bytes] = []
        self._lost_records = 0
        self._quiet_until = 0.0
        self._is_scheduled = False
        self._file: int | None = None
        self._path: Path | None = None
        self._written_bytes = 0

    def add(self, record: Record) -> None:
        """Keep `record`: on disk before the event loop waits again."""
        self._held.append(self._encode(record))
        if not self._is_scheduled:
            self._is_scheduled = True
            self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Write what is held. On a full disk it stays in memory, and the next call tries again."""
        self._is_scheduled = False
        try:
            while self._held:
                count = self._fitting()
                self._write(b"\n".join(self._held[:count]) + b"\n")
                del self._held[:count]
                if self._written_bytes >= _SEAL_BYTES:
                    self.seal()
        except OSError as error:
            self._keep_in_memory(error)

    def seal(self) -> None:
        """End the batch being written, so that it can be sent."""
        if self._file is not None:
            os.close(self._file)
        self._file = self._path = None
        self._written_bytes = 0

    def batches(self) -> list[Path]:
        """Return the files that nobody writes any more, oldest first."""
        with contextlib.suppress(FileNotFoundError):
            return sorted(p for p in self._folder.glob(f"*{_SUFFIX}") if p != self._path)
        return []

    def _fitting(self) -> int:
        """Return how many of the records that are held make one batch at most: one at least."""
        size_bytes = 0
        for count, line in enumerate(self._held):
            size_bytes += len(line) + 1
            if size_bytes > _SEAL_BYTES and count:
                return count
        return len(self._held)

    def _open(self) -> int:
        """Begin a batch. It has its name once it is locked: nobody takes it for one to be sent."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._folder / (new_id("bat") + _SUFFIX)
        unlocked = path.with_suffix(".new")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
        file = os.open(unlocked, flags, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            unlocked.rename(path)
        except OSError:
            os.close(file)
            unlocked.unlink(missing_ok=True)
            raise
        self._path = path
        return file

    def _write(self, data: bytes) -> None:
        if self._file is None:
            self._file = self._open()
        written = os.write(self._file, data)
        if written < len(data):  # the disk is full: a torn line is skipped when read
            os.ftruncate(self._file, self._written_bytes)
            raise OSError(f"only {written} of {len(data)} bytes could be written")
        self._written_bytes += written

    def _keep_in_memory(self, error: OSError) -> None:
        surplus = len(self._held) - _MAX_HELD
        if surplus > 0:
            del self._held[:surplus]
            self._lost_records += surplus
        now = self._loop.time()
        if now < self._quiet_until:
            return
        self._quiet_until = now + _QUIET_SECONDS
        log.error(
            "usage can't be written to %s (%s): %d records are held in memory, %d were lost",
            self._folder,
            error.strerror or error,
            len(self._held),
            self._lost_records,
        )


@contextlib.contextmanager
def read_batch(path: Path, deleted: Sequence[str] = ()) -> Generator[bytes | None]:
    """Give the request body for the batch in `path`; None where someone else has it in hand.

    `deleted`: batches that can't be sent again, to be told along.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        yield None
        return
    with os.fdopen(descriptor, "rb") as file:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield None
            return
        lines = [line for line in file.read().split(b"\n")[:-1] if line]
        names = (path.stem.encode(), msgspec.json.encode(deleted), b",".join(lines))
        yield b'{"batch":"%s","deleted":%s,"records":[%s]}' % names


def forget(path: Path) -> None:
    """Delete a batch that was counted."""
    path.unlink(missing_ok=True)


def set_aside(path: Path) -> None:
    """Keep a batch that the control plane refuses, where it is not sent again."""
    path.rename(path.with_suffix(".refused"))
