"""The product's own processes on this machine: their memory, descriptors, threads, time.

Only pids that are told are looked at, with those that they started; none is searched by its name.
"""

import asyncio
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

from vllm_manager.kit.clock import Clock
from vllm_manager.monitoring.samples.collectors.growth import Growth
from vllm_manager.monitoring.samples.figures import Labels
from vllm_manager.monitoring.samples.reading import Sample

_PROC = Path("/proc")
_TREE_SECONDS = 30.0
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class Known(NamedTuple):
    """A process of ours."""

    pid: int
    name: str
    """What it is, as the label `process` says it."""
    deployment: str | None = None
    replica: str | None = None
    has_children: bool = False
    """Whether what it started counts as part of it."""


class Use(NamedTuple):
    """What processes take. None: the system does not tell."""

    anonymous_bytes: int | None
    open_descriptors: int | None
    threads: int | None
    cpu_seconds: float | None
    began: float | None = None
    """With the pid it tells a process from all others."""


Who = tuple[str, str | None, str | None]
Life = tuple[int, float | None]
"""A pid, and when it began."""


class ProcessCollector:
    """Reads, in a thread, every process that it is told of."""

    name = "processes"

    def __init__(self, known: Callable[[], Iterable[Known]], node: str, clock: Clock) -> None:
        self._known = known
        self._node = node
        self._clock = clock
        self._trees: dict[int, tuple[int, ...]] = {}
        self._trees_due = 0.0
        self._seconds: dict[Who, Growth[Life]] = {}

    async def collect(self) -> Sequence[Sample]:
        """Return what is known now."""
        known = list(self._known())
        return await asyncio.to_thread(self._read, known)

    def _read(self, known: Sequence[Known]) -> list[Sample]:
        roots = {one.pid for one in known if one.has_children}
        now = self._clock.monotonic()
        if now >= self._trees_due or roots - self._trees.keys():
            self._trees = trees(roots)
            self._trees_due = now + _TREE_SECONDS
        samples: list[Sample] = []
        for one in known:
            pids = self._trees.get(one.pid, (one.pid,)) if one.has_children else (one.pid,)
            uses = {pid: use for pid in pids if (use := read_use(pid)) is not None}
            if uses:
                use = together(list(uses.values()), self._cpu_seconds(one, uses))
                samples += _samples(one, self._node, use)
        self._seconds = {
            who: self._seconds[who] for one in known if (who := _who(one)) in self._seconds
        }
        return samples

    def _cpu_seconds(self, known: Known, uses: Mapping[int, Use]) -> float | None:
        """Return the processor time since it was first seen, of all processes that it has had."""
        parts = {
            (pid, use.began): use.cpu_seconds
            for pid, use in uses.items()
            if use.cpu_seconds is not None
        }
        return self._seconds.setdefault(_who(known), Growth[Life]()).add(parts) if parts else None


def _who(known: Known) -> Who:
    return known.name, known.deployment, known.replica


def _samples(known: Known, node: str, use: Use) -> Iterator[Sample]:
    parts = (("deployment", known.deployment), ("replica", known.replica))
    named: Labels = tuple((label, value) for label, value in parts if value is not None)
    labels = (("node", node), ("process", known.name), *named)
    found = {
        "process_anonymous_bytes": use.anonymous_bytes,
        "process_open_descriptors": use.open_descriptors,
        "process_threads": use.threads,
        "process_cpu_seconds_total": use.cpu_seconds,
    }
    for figure, value in found.items():
        if value is not None:
            yield Sample(figure, labels, value)


def trees(roots: Iterable[int]) -> dict[int, tuple[int, ...]]:
    """Return each of `roots` with all its descendants."""
    children: defaultdict[int, list[int]] = defaultdict(list)
    wanted = set(roots)
    for process in psutil.process_iter(["ppid"]) if wanted else ():
        children[process.info["ppid"]].append(process.pid)
    return {root: tuple(_descent(root, children)) for root in wanted}


def _descent(root: int, children: Mapping[int, Sequence[int]]) -> Iterator[int]:
    yield root
    for child in children.get(root, ()):
        yield from _descent(child, children)


def together(uses: Sequence[Use], cpu_seconds: float | None) -> Use:
    """Return what several processes take. What they have counted can't be added up like that."""

    def total(values: Iterable[int | None]) -> int | None:
        told = [value for value in values if value is not None]
        return sum(told) if told else None

    return Use(
        total(use.anonymous_bytes for use in uses),
        total(use.open_descriptors for use in uses),
        total(use.threads for use in uses),
        cpu_seconds,
    )


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
