"""The product's own processes on this machine: their memory, descriptors, threads, time.

Only pids that are told are looked at; none is searched by its name.
"""

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

from vllm_manager.monitoring.samples.collectors.growth import Growth
from vllm_manager.monitoring.samples.figures import Labels
from vllm_manager.monitoring.samples.reading import Sample

_PROC = Path("/proc")
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class Known(NamedTuple):
    """A process of ours."""

    pid: int
    name: str
    """What it is, as the label `process` says it."""


class Use(NamedTuple):
    """What a process takes. None: the system does not tell."""

    anonymous_bytes: int | None
    open_descriptors: int | None
    threads: int | None
    cpu_seconds: float | None
    began: float | None = None
    """With the pid it tells a process from all others."""


Life = tuple[int, float | None]
"""A pid, and when it began."""


class ProcessCollector:
    """Reads, in a thread, every process that it is told of."""

    name = "processes"

    def __init__(self, known: Callable[[], Iterable[Known]], node: str) -> None:
        self._known = known
        self._node = node
        self._seconds: dict[str, Growth[Life]] = {}

    async def collect(self) -> Sequence[Sample]:
        """Return what is known now."""
        known = list(self._known())
        return await asyncio.to_thread(self._read, known)

    def _read(self, known: Sequence[Known]) -> list[Sample]:
        samples: list[Sample] = []
        for one in known:
            use = read_use(one.pid)
            if use is not None:
                samples += self._samples(one, use)
        names = {one.name for one in known}
        self._seconds = {name: spent for name, spent in self._seconds.items() if name in names}
        return samples

    def _samples(self, known: Known, use: Use) -> Iterator[Sample]:
        labels: Labels = (("node", self._node), ("process", known.name))
        found = {
            "process_anonymous_bytes": use.anonymous_bytes,
            "process_open_descriptors": use.open_descriptors,
            "process_threads": use.threads,
            "process_cpu_seconds_total": self._cpu_seconds(known, use),
        }
        for figure, value in found.items():
            if value is not None:
                yield Sample(figure, labels, value)

    def _cpu_seconds(self, known: Known, use: Use) -> float | None:
        """Return the processor time since it was first seen, of all that had its name."""
        if use.cpu_seconds is None:
            return None
        spent = {(known.pid, use.began): use.cpu_seconds}
        return self._seconds.setdefault(known.name, Growth[Life]()).add(spent)


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
