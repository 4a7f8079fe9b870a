"""Who a process is: pids are reused, a pid with its start time is not."""

import os
import socket
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

_PROC = Path("/proc")
_START_FIELD = 19
"""Place of the start time in /proc/PID/stat, counted after the name in brackets (proc(5): 22)."""


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """One life of one process on one host. `started` does not move with the wall clock."""

    host: str
    pid: int
    started: float

    def __str__(self) -> str:
        return f"{self.host}/{self.pid}/{self.started:.2f}"

    @classmethod
    def parse(cls, text: str) -> "ProcessIdentity":
        """Read what `str` wrote.

        Raises:
            ValueError: the text is not an identity.
        """
        host, pid, started = text.rsplit("/", 2)
        return cls(host, int(pid), float(started))

    def is_known_dead(self) -> bool:
        """True only if this host can prove that the process is gone; False for other hosts."""
        if self.host != socket.gethostname():
            return False
        started = _started(self.pid)
        return started is None or abs(started - self.started) > 1


@cache
def own_identity() -> ProcessIdentity:
    """Return the identity of the running process."""
    started = _started(os.getpid())
    assert started is not None
    return ProcessIdentity(socket.gethostname(), os.getpid(), started)


def _started(pid: int) -> float | None:
    """Return when a process began, or None if there is no such process.

    Seconds since the epoch would be the boot time plus the kernel's own count, and the boot time
    follows the wall clock: after a jump every living process would look like another one. So it
    is the kernel's count where there is one, on top of a figure that differs from boot to boot.
    """
    if not (_PROC / "self" / "stat").exists():
        return _psutil_started(pid)
    try:
        words = (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    if words[0] == "Z":
        return None
    return _boot_mark() + int(words[_START_FIELD]) / os.sysconf("SC_CLK_TCK")


def _psutil_started(pid: int) -> float | None:
    try:
        return round(psutil.Process(pid).create_time(), 2)
    except psutil.NoSuchProcess:
        return None


@cache
def _boot_mark() -> int:
    """Return a multiple of 10⁹ that this boot has and others hardly: uptimes stay below that."""
    identity = (_PROC / "sys" / "kernel" / "random" / "boot_id").read_text()
    return int(identity.replace("-", ""), 16) % 10**5 * 10**9
