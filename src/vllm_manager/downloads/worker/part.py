"""One file on its way: its bytes so far, a note of which blocks are there, and its checksum.

Blocks are written to `<etag>.part`; beside it `<etag>.journal` holds a header and one byte for each
block, set when the block is written. A process that is killed loses the block it was in, for each
connection, and no more. Nothing is synced to disk in between: what a power cut takes away of the
part, the checksum finds, and then the file is fetched anew.
"""

import hashlib
import json
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from vllm_manager.downloads.layout import JOURNAL, PART

BLOCK_BYTES = 1 << 20
_HEADER_BYTES = 512
_READ_BYTES = 1 << 20

Write = Callable[[int, memoryview, int], int]
"""Writes bytes into a descriptor at an offset and returns how many: `os.pwrite`."""


class Part:
    """A file's blocks on disk. Thread-safe as far as each block has one writer."""

    def __init__(
        self,
        blob: Path,
        size_bytes: int,
        sha256: str | None,
        git_blob_id: str,
        write: Write = os.pwrite,
    ) -> None:
        self.size_bytes = size_bytes
        self.etag: str | None = None
        self.resumed = False
        self._blob = blob
        self._sha256 = sha256
        self._git_blob_id = git_blob_id
        self._write = write
        self._path = blob.with_name(blob.name + PART)
        self._journal_path = blob.with_name(blob.name + JOURNAL)
        self._file = -1
        self._journal = -1
        self._blocks = bytearray(-(-size_bytes // BLOCK_BYTES))
        self._hash: Any = None
        self._hashed_bytes = 0
        self._hashing = threading.Lock()

    @property
    def is_complete(self) -> bool:
        return 0 not in self._blocks

    def on_disk_bytes(self) -> int:
        """Return how much an earlier process left, without opening anything for long."""
        blocks, _ = self._read_journal()
        return (
            0 if blocks is None else sum(self._length(i) for i, done in enumerate(blocks) if done)
        )

    def open(self) -> None:
        """Take up what an earlier process left, or begin.

        Raises:
            OSError: the disk refused.
        """
        blocks, etag = self._read_journal()
        self._blob.parent.mkdir(parents=True, exist_ok=True)
        mode = os.O_RDWR | os.O_CREAT | (os.O_TRUNC if blocks is None else 0)
        self._file = os.open(self._path, mode, 0o644)
        if blocks is None:
            self._journal_path.unlink(missing_ok=True)
        else:
            self._blocks, self.etag, self.resumed = blocks, etag, any(blocks)
        self._start_hash()

    def close(self) -> None:
        """Let go of the files; what is there stays."""
        for file in (self._file, self._journal):
            if file >= 0:
                os.close(file)
        self._file = self._journal = -1

    def restart(self) -> None:
        """Forget every block."""
        self.close()
        self.discard()
        self._blocks = bytearray(len(self._blocks))
        self.etag, self.resumed = None, False
        self.open()

    def discard(self) -> None:
        """Remove it from the disk."""
        self._journal_path.unlink(missing_ok=True)
        self._path.unlink(missing_ok=True)

    def missing(self) -> list[tuple[int, int]]:
        """Return the byte ranges that are not there, in order, ends excluded."""
        runs: list[tuple[int, int]] = []
        for index, done in enumerate(self._blocks):
            start, end = index * BLOCK_BYTES, self._end(index)
            if done:
                continue
            if runs and runs[-1][1] == start:
                runs[-1] = (runs[-1][0], end)
            else:
                runs.append((start, end))
        return runs

    def write(self, data: memoryview, offset: int) -> None:
        """Write bytes of one block, and hash them where they are next in line.

        Raises:
            OSError: the disk is full or broken.
        """
        self._feed(data, offset)
        while data:
            count = self._write(self._file, data, offset)
            data, offset = data[count:], offset + count

    def mark(self, offset: int) -> None:
        """Note that the block which ends at `offset` is written."""
        index = (offset - 1) // BLOCK_BYTES
        if len(self._blocks) > 1:
            self._note(index)
        self._blocks[index] = 1

    def hash_some(self, blocks: int) -> None:
        """Hash up to so many finished blocks that are next in line; none if another thread does."""
        if self._hashing.acquire(blocking=False):
            try:
                self._hash_finished(blocks)
            finally:
                self._hashing.release()

    def is_sound(self) -> bool:
        """Hash what is left of the complete file, and say whether it is what was listed."""
        with self._hashing:
            self._hash_finished(len(self._blocks) + 1)
            return self._hash.hexdigest() == (self._sha256 or self._git_blob_id)

    def finish(self) -> None:
        """Give the complete file its name."""
        self.close()
        self._path.replace(self._blob)
        self._journal_path.unlink(missing_ok=True)

    def found(self) -> str:
        """Return the checksum of what came."""
        with self._hashing:
            return str(self._hash.hexdigest())

    def _feed(self, data: memoryview, offset: int) -> None:
        if self._hashed_bytes == offset and self._hashing.acquire(blocking=False):
            try:
                if self._hashed_bytes == offset:
                    self._hash.update(data)
                    self._hashed_bytes += len(data)
            finally:
                self._hashing.release()

    def _hash_finished(self, blocks: int) -> None:
        for _ in range(blocks):
            index = self._hashed_bytes // BLOCK_BYTES
            if index >= len(self._blocks) or not self._blocks[index]:
                return
            left = self._end(index) - self._hashed_bytes
            data = os.pread(self._file, min(left, _READ_BYTES), self._hashed_bytes)
            self._hash.update(data)
            self._hashed_bytes += len(data)

    def _start_hash(self) -> None:
        self._hashed_bytes = 0
        if self._sha256:
            self._hash = hashlib.sha256()
        else:
            header = f"blob {self.size_bytes}\0".encode()
            self._hash = hashlib.sha1(header, usedforsecurity=False)

    def _note(self, index: int) -> None:
        if self._journal < 0:
            self._open_journal()
        os.pwrite(self._journal, b"\1", _HEADER_BYTES + index)

    def _open_journal(self) -> None:
        with self._hashing:
            if self._journal >= 0:
                return
            journal = os.open(self._journal_path, os.O_RDWR | os.O_CREAT, 0o644)
            told = {"size": self.size_bytes, "block": BLOCK_BYTES, "etag": self.etag}
            header = json.dumps(told).encode()
            if len(header) > _HEADER_BYTES:
                header = json.dumps({**told, "etag": None}).encode()
            os.pwrite(journal, header.ljust(_HEADER_BYTES), 0)
            os.pwrite(journal, bytes(self._blocks), _HEADER_BYTES)
            self._journal = journal

    def _read_journal(self) -> tuple[bytearray | None, str | None]:
        """Return the blocks that are there and the etag they came under; None where unusable."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            data = self._journal_path.read_bytes()
            told = json.loads(data[:_HEADER_BYTES])
            blocks = bytearray(data[_HEADER_BYTES:])
            fits = (told["size"], told["block"]) == (self.size_bytes, BLOCK_BYTES)
            needed = max((self._end(i) for i, done in enumerate(blocks) if done), default=0)
            there = self._path.stat().st_size >= needed
            if fits and there and len(blocks) == len(self._blocks):
                return blocks, told["etag"]
        return None, None

    def _end(self, index: int) -> int:
        return min((index + 1) * BLOCK_BYTES, self.size_bytes)

    def _length(self, index: int) -> int:
        return self._end(index) - index * BLOCK_BYTES
