"""Who a process is: pids are reused, a pid with its start time is not."""

import os
import socket
from dataclasses import dataclass
from functools import cache

import psutil


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """One life of one process on one boot of one host."""

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
        try:
            return abs(psutil.Process(self.pid).create_time() - self.started) > 1
        except psutil.NoSuchProcess:
            return True


@cache
def own_identity() -> ProcessIdentity:
    """Return the identity of the running process."""
    return ProcessIdentity(
        socket.gethostname(), os.getpid(), round(psutil.Process().create_time(), 2)
    )
