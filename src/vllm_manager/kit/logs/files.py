"""A log file that several processes append to, and that never grows beyond its bounds."""

import contextlib
import fcntl
import logging
import os
from pathlib import Path
from typing import Final

LARGEST_BYTES: Final = 10 << 20
KEPT_FILES: Final = 5
"""Older files kept beside the present one: `.1` is the newest of them."""
_STREAMS: Final = (1, 2)


class RotatedFile(logging.Handler):
    """Appends each record as a line; moves the file aside once it is too large.

    Files are renamed, never cut, so that no line is lost. Whoever else appends to the file notices
    before its next line and opens the new one; so do this process's own standard output and error
    where they went to the file.
    """

    def __init__(
        self, path: Path, largest_bytes: int = LARGEST_BYTES, kept_files: int = KEPT_FILES
    ) -> None:
        super().__init__()
        self._path = path
        self._largest_bytes = largest_bytes
        self._kept_files = kept_files
        self._descriptor: int | None = None

    def emit(self, record: logging.LogRecord) -> None:
        # A full disk must not stop what was to be told of; nor can that be told elsewhere, since
        # standard error may be the very file that can't be written.
        with contextlib.suppress(Exception):
            line = self.format(record).encode("utf-8", "backslashreplace") + b"\n"
            descriptor = self._opened()
            if os.fstat(descriptor).st_size > self._largest_bytes:
                self._rotate()
                descriptor = self._opened()
            if not _ends_a_line(descriptor):  # torn off by a full disk, or written by another
                line = b"\n" + line
            write_all(descriptor, line)

    def close(self) -> None:
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = None
        super().close()

    def _opened(self) -> int:
        """Return the descriptor of the file that has the name now."""
        held = self._descriptor
        if held is not None and _is_at(held, self._path):
            return held
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        fresh = os.open(self._path, flags, 0o600)
        if held is not None:
            for stream in _STREAMS:
                if _is_same(stream, held):
                    os.dup2(fresh, stream)
            os.close(held)
        self._descriptor = fresh
        return fresh

    def _rotate(self) -> None:
        """Move the files one place on, unless another process has just done it."""
        with _locked(self._path.with_name(f".{self._path.name}.lock")):
            try:
                if self._path.stat().st_size <= self._largest_bytes:
                    return
            except FileNotFoundError:  # moved aside a moment ago, and not begun anew yet
                return
            for number in reversed(range(1, self._kept_files)):
                with contextlib.suppress(FileNotFoundError):
                    older(self._path, number).replace(older(self._path, number + 1))
            self._path.replace(older(self._path, 1))


def older(path: Path, number: int) -> Path:
    """Return the name of the `number`-th older file."""
    return path.with_name(f"{path.name}.{number}")


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of it or raise: a full disk takes a part at first.

    Raises:
        OSError: some of it, or nothing, was written.
    """
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def goes_to(path: Path) -> bool:
    """Tell whether this process's standard error is the file at `path`."""
    return _is_at(2, path)


def _ends_a_line(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return size == 0 or os.pread(descriptor, 1, size - 1) in (b"\n", b"")


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


def _is_same(first: int, second: int) -> bool:
    try:
        return os.path.samestat(os.fstat(first), os.fstat(second))
    except OSError:
        return False


class _locked:  # noqa: N801 (reads as a function: `with _locked(…)`)
    """Holds a lock file among processes. Where it can't be had, the work goes on without."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def __enter__(self) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)
