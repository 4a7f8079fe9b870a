"""What the kernel says around an engine's end: who was killed for memory, which limits."""

import contextlib
import os
import re
import resource
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_GROUPS: Final = Path("/sys/fs/cgroup")
_SHARED: Final = "/dev/shm"
_KILLED: Final = re.compile(r"Killed process (?P<pid>\d+) \((?P<name>[^)]*)\)")
_RECORD_BYTES: Final = 8192
_MOST_RECORDS: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFacts:
    """None: not known. Counts are of what happened during the engine's life."""

    group_oom_kills: int | None = None
    """Processes that the kernel killed for memory in the engine's own control group."""
    host_oom_kills: int | None = None
    """The same on the whole machine."""
    kill_line: str | None = None
    """The kernel's own words on it."""
    memory_limit_bytes: int | None = None
    """Of the engine's control group; None where there is none."""
    memory_total_bytes: int | None = None
    open_files_limit: int | None = None
    shared_memory_bytes: int | None = None
    shared_memory_free_bytes: int | None = None
    disk_free_bytes: int | None = None
    """Where temporary files go."""


class KernelLog:
    """The kernel's messages from now on; silent where this user may not read them."""

    def __init__(self, path: str = "/dev/kmsg") -> None:
        self._descriptor: int | None = None
        self._last_kill: str | None = None
        with contextlib.suppress(OSError):
            self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
            os.lseek(self._descriptor, 0, os.SEEK_END)

    def last_kill(self) -> str | None:
        """Return what was said last of a process killed for memory; the same when asked again."""
        for _ in range(_MOST_RECORDS if self._descriptor is not None else 0):
            try:
                record = os.read(self._descriptor or 0, _RECORD_BYTES)
            except BrokenPipeError:  # some were overwritten before they were read
                continue
            except OSError:
                break
            if not record:
                break
            text = record.decode("utf-8", "replace").partition(";")[2].partition("\n")[0]
            if _KILLED.search(text):
                self._last_kill = text
        return self._last_kill

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class HostWatch:
    """Remembers how things stood when an engine began, and tells what is different."""

    def __init__(self) -> None:
        self._host_kills = _count(_PROC / "vmstat", "oom_kill")
        self._log = KernelLog()
        self._group: Path | None = None
        self._group_kills: int | None = None

    def follow(self, pid: int) -> None:
        """From now on the control group of `pid` is the engine's."""
        if self._group is None:
            self._group = memory_group(pid)
            self._group_kills = _group_kills(self._group)

    def facts(self) -> HostFacts:
        """Return what is known now."""
        kills = _group_kills(self._group)
        shared = _usage(_SHARED)
        return HostFacts(
            group_oom_kills=_more(kills, self._group_kills),
            host_oom_kills=_more(_count(_PROC / "vmstat", "oom_kill"), self._host_kills),
            kill_line=self._log.last_kill(),
            memory_limit_bytes=_limit(self._group),
            memory_total_bytes=_total(),
            open_files_limit=_open_files(),
            shared_memory_bytes=shared[0] if shared else None,
            shared_memory_free_bytes=shared[1] if shared else None,
            disk_free_bytes=_free(os.environ.get("TMPDIR") or "/tmp"),
        )

    def close(self) -> None:
        self._log.close()


def memory_group(pid: int, proc: Path = _PROC, groups: Path = _GROUPS) -> Path | None:
    """Return the folder of the control group that bounds a process's memory, or None.

    In a container the path that the kernel names may lie outside of what is mounted: there the
    mount's own root is the group.
    """
    with contextlib.suppress(OSError):
        for line in (proc / str(pid) / "cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            root = groups / "memory" if controllers == "memory" else groups
            if controllers not in ("", "memory") or not root.is_dir():
                continue
            place = root / path.lstrip("/")
            found = place if place.is_dir() else root
            if _group_kills(found) is not None:
                return found
    return None


def _group_kills(group: Path | None) -> int | None:
    if group is None:
        return None
    known = _count(group / "memory.events", "oom_kill")
    return known if known is not None else _count(group / "memory.oom_control", "oom_kill")


def _limit(group: Path | None) -> int | None:
    if group is None:
        return None
    for name in ("memory.max", "memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):
            found = int((group / name).read_text())
            total = _total()
            return found if total is None or found < total else None
    return None


def _count(file: Path, name: str) -> int | None:
    with contextlib.suppress(OSError, ValueError):
        for line in file.read_text().splitlines():
            key, _, value = line.partition(" ")
            if key == name:
                return int(value)
    return None


def _more(now: int | None, before: int | None) -> int | None:
    return None if now is None or before is None else max(0, now - before)


def _total() -> int | None:
    with contextlib.suppress(OSError, ValueError, AttributeError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return None


def _open_files() -> int | None:
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return None if soft == resource.RLIM_INFINITY else soft


def _usage(path: str) -> tuple[int, int] | None:
    with contextlib.suppress(OSError):
        found = shutil.disk_usage(path)
        return found.total, found.free
    return None


def _free(path: str) -> int | None:
    found = _usage(path)
    return found[1] if found else None
