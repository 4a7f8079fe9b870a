"""What processes of this node take: memory of their own, descriptors, threads, processor time.

The names of the figures are the control plane's. What the system does not tell is left out.
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import psutil

from vllm_manager_engine.growth import Growth

Figures = dict[str, float]
_PROC: Final = Path("/proc")
_TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
_FIRST_LOOK_SECONDS: Final = 2.0
_LOOK_SECONDS: Final = 30.0
"""What an engine consists of changes while it starts, and hardly later."""
_READ_SECONDS: Final = 1.0


class Use(NamedTuple):
    """What one process takes. None: the system does not tell."""

    anonymous_bytes: int | None
    open_descriptors: int | None
    threads: int | None
    cpu_seconds: float | None
    began: float | None
    """With the pid it tells a process from all others."""


class Household:
    """One process, alone or with all that it started, read as one."""

    def __init__(self, pid: int, *, alone: bool, clock: Callable[[], float] = time.monotonic):
        self.pid = pid
        self._alone = alone
        self._clock = clock
        self._members: tuple[int, ...] = (pid,)
        self._pause = _FIRST_LOOK_SECONDS
        self._due = clock()
        self._seconds = Growth[tuple[int, float | None]]()

    def read(self) -> Figures:
        """Return its figures; empty where it is gone.

        Processor time counts from the first look on, of all processes that it has had.
        """
        if not self._alone and self._clock() >= self._due:
            self._members = (self.pid, *descendants(self.pid))
            self._due = self._clock() + self._pause
            self._pause = min(_LOOK_SECONDS, 2 * self._pause)
        uses = {pid: use for pid in self._members if (use := read_use(pid)) is not None}
        return self._figures(uses) if self.pid in uses else {}

    def _figures(self, uses: Mapping[int, Use]) -> Figures:
        all_of = uses.values()
        spent = {
            (pid, u.began): u.cpu_seconds for pid, u in uses.items() if u.cpu_seconds is not None
        }
        found = {
            "process_anonymous_bytes": _total(use.anonymous_bytes for use in all_of),
            "process_open_descriptors": _total(use.open_descriptors for use in all_of),
            "process_threads": _total(use.threads for use in all_of),
            "process_cpu_seconds_total": self._seconds.add(spent) if spent else None,
        }
        return {name: value for name, value in found.items() if value is not None}


class EngineProcesses:
    """An engine with all that it started, and its supervisor; read once a second at most."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._supervisor = Household(os.getpid(), alone=True, clock=clock)
        self._engine: Household | None = None
        self._read: dict[str, Figures] = {}
        self._due = clock()

    def read(self, engine_pid: int | None) -> dict[str, Figures]:
        """Return the figures of `engine` and `supervisor`, as far as they are there."""
        known = None if self._engine is None else self._engine.pid
        if engine_pid == known and self._clock() < self._due:
            return self._read
        if engine_pid != known:
            self._engine = None if engine_pid is None else self._household(engine_pid)
        found = {"supervisor": self._supervisor.read()}
        if self._engine is not None:
            found["engine"] = self._engine.read()
        self._read = {name: figures for name, figures in found.items() if figures}
        self._due = self._clock() + _READ_SECONDS
        return self._read

    def _household(self, pid: int) -> Household:
        return Household(pid, alone=False, clock=self._clock)


def _total(values: Iterable[int | None]) -> int | None:
    told = [value for value in values if value is not None]
    return sum(told) if told else None


def descendants(pid: int) -> Iterator[int]:
    """Yield every process below `pid`."""
    try:
        below = children(pid)
    except FileNotFoundError:  # a system, or a kernel, that does not list them
        with contextlib.suppress(psutil.Error):
            yield from (child.pid for child in psutil.Process(pid).children(recursive=True))
        return
    for child in below:
        yield child
        yield from descendants(child)


def children(pid: int) -> list[int]:
    """Return the children of a process; none where it is gone.

    Raises:
        FileNotFoundError: the kernel does not list children.
    """
    found: list[int] = []
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
    except OSError:
        if not (_PROC / "self" / "task").exists():
            raise FileNotFoundError from None
        return found
    for task in tasks:
        try:
            with open(f"/proc/{pid}/task/{task}/children", "rb") as file:
                found += map(int, file.read().split())
        except OSError:
            if not os.path.exists(f"/proc/self/task/{os.getpid()}/children"):
                raise FileNotFoundError from None
    return found


def read_use(pid: int) -> Use | None:
    """Return what a process takes; None where it is gone."""
    return _linux_use(pid) if (_PROC / "self").exists() else _other_use(pid)


def _linux_use(pid: int) -> Use | None:
    folder = f"/proc/{pid}"
    try:
        with open(f"{folder}/status", "rb") as file:
            status = file.read()
        with open(f"{folder}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    if fields[0] in (b"Z", b"X"):  # it has ended, and waits for its parent
        return None
    try:
        descriptors = len(os.listdir(f"{folder}/fd"))
    except OSError:  # another user's
        descriptors = None
    memory = _number(status, b"RssAnon:")
    return Use(
        anonymous_bytes=None if memory is None else memory * 1024,
        open_descriptors=descriptors,
        threads=_number(status, b"Threads:"),
        cpu_seconds=(int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND,
        began=int(fields[19]),
    )


def _number(status: bytes, name: bytes) -> int | None:
    _, found, rest = status.partition(b"\n" + name)
    return int(rest.split(None, 1)[0]) if found else None


def _other_use(pid: int) -> Use | None:
    """Where there is no /proc (macOS): all resident memory stands for the anonymous."""
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            times = process.cpu_times()
            return Use(
                process.memory_info().rss,
                process.num_fds(),
                process.num_threads(),
                times.user + times.system,
                process.create_time(),
            )
    except psutil.Error:
        return None
