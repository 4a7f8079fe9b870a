"""Processes that are provably ours: found, waited for and ended by pid and moment of birth."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

_BETWEEN_LOOKS_SECONDS = 0.02
_STATE, _START_TICKS = 0, 19  # of /proc/PID/stat, counted after the command's closing bracket


@cache
def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8]


def born(pid: int) -> str | None:
    """Return when a living process was born, unique for its pid; None where it is gone or a zombie.

    On Linux it is counted in ticks since boot: a jump of the wall clock does not change it.
    """
    if sys.platform != "linux":
        return _born_by_wall_clock(pid)
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    if fields[_STATE] in "ZX":
        return None
    return f"{_boot()}:{fields[_START_TICKS]}"


def _born_by_wall_clock(pid: int) -> str | None:
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return f"{process.create_time():.2f}"
    except psutil.Error:
        return None


@dataclass(frozen=True, slots=True)
class Member:
    """One life of one process."""

    pid: int
    born: str
    role: str

    def is_alive(self) -> bool:
        return born(self.pid) == self.born


def member(pid: int, role: str) -> Member | None:
    """Return the process `pid` as a member, or None where it is already gone."""
    moment = born(pid)
    return Member(pid=pid, born=moment, role=role) if moment else None


def exit_reason(pid: int, patience_seconds: float = 0.0) -> str | None:
    """Reap a child that has ended and say how; None while it runs or where it is not our child.

    Have patience with one that is known to be dead: it is so from its first thread's end on, and
    can be reaped after its last.
    """
    end = time.monotonic() + patience_seconds
    while True:
        try:
            reaped, status = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            return None
        if reaped:
            break
        if time.monotonic() >= end:
            return None
        time.sleep(_BETWEEN_LOOKS_SECONDS)
    code = os.waitstatus_to_exitcode(status)
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exited with status {code}"


def send(target: Member, number: signal.Signals) -> None:
    """Signal the process, if it is still the one that we know."""
    if target.is_alive():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(target.pid, number)


def descendants(targets: Iterable[Member], role: str) -> set[Member]:
    """Return every living process below `targets`."""
    found: set[Member] = set()
    for target in targets:
        if not target.is_alive():
            continue
        with contextlib.suppress(psutil.Error):
            below = psutil.Process(target.pid).children(recursive=True)
            found |= {m for child in below if (m := member(child.pid, role))}
    return found


def session_of(leader: Member) -> set[Member]:
    """Return the living processes of the session that `leader` began, even if it has ended.

    A pid stays taken as long as its session has members; so unless another process lives under
    the leader's pid, what is found belongs to it.
    """
    now = born(leader.pid)
    if now is not None and now != leader.born:
        return set()
    found: set[Member] = set()
    for pid in psutil.pids():
        with contextlib.suppress(OSError):
            if os.getsid(pid) == leader.pid and (m := member(pid, leader.role)):
                found.add(m)
    return found


def wait_until(condition: Callable[[], bool], seconds: float, pause_seconds: float = 0.05) -> bool:
    """Wait until `condition` holds, at most `seconds`; tell whether it does."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= end:
            return False
        time.sleep(pause_seconds)
    return True


def all_gone(targets: Collection[Member]) -> bool:
    """Tell whether none of `targets` lives, reaping those that are our children."""
    for target in targets:
        exit_reason(target.pid)
    return not any(target.is_alive() for target in targets)


def end(targets: Collection[Member], patience_seconds: float) -> None:
    """Ask `targets` to stop, wait, and kill what is left. Returns when all are gone."""
    for target in targets:
        send(target, signal.SIGTERM)
    wait_until(lambda: all_gone(targets), patience_seconds)
    kill(targets)


def kill(targets: Collection[Member]) -> None:
    """Kill `targets` at once and wait until they are gone (uninterruptible ones: 5 s)."""
    for target in targets:
        send(target, signal.SIGKILL)
    wait_until(lambda: all_gone(targets), 5)
