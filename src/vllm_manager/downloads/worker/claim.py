"""Who fetches into a model's folder: one process at a time, and the dead don't count."""

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

from vllm_manager.downloads.worker.failures import Failure
from vllm_manager.kit.process import ProcessIdentity, own_identity

_SILENT_SECONDS = 60.0
"""On another host only the claim's age tells whether its owner lives; it is touched in between."""


class Claim:
    """A file that names its owner by host, pid and the process's start."""

    def __init__(self, path: Path, me: ProcessIdentity | None = None) -> None:
        self._path = path
        self._me = str(me or own_identity())

    def take(self) -> str | None:
        """Take the claim if nobody alive has it; return whose it is otherwise."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)  # for this moment: two may find the same dead owner
            owner = os.read(file, 512).decode(errors="replace").strip()
            if owner and owner != self._me and self._is_alive(owner):
                return owner
            os.ftruncate(file, 0)
            os.pwrite(file, self._me.encode(), 0)
            return None
        finally:
            os.close(file)

    def touch(self) -> None:
        """Show that the owner lives."""
        with suppress(OSError):
            os.utime(self._path)

    def release(self) -> None:
        with suppress(OSError):
            if self._path.read_text() == self._me:
                self._path.unlink()

    def _is_alive(self, owner: str) -> bool:
        try:
            if ProcessIdentity.parse(owner).is_known_dead():
                return False
            age_seconds = time.time() - self._path.stat().st_mtime
        except (ValueError, OSError):
            return False
        return age_seconds < _SILENT_SECONDS


def taken_by(owner: str) -> Failure:
    """Return the failure for a folder that another process fetches into."""
    host, _, rest = owner.partition("/")
    return Failure(
        "download_claimed",
        f"Another process (pid {rest.partition('/')[0]} on {host}) fetches this model into the "
        "same folder. Wait until it is done, or stop it.",
        retryable=True,
        status=409,
    )
