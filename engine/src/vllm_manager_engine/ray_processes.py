"""Ray's own processes on this node: the raylet that started this process, and what belongs to it.

They are found by descent: the raylet is our parent, its agents are its children, and what Ray
started beside it has the same parent and the same session's folder. Another cluster's are not ours.
"""

import os
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from vllm_manager_engine.processes import Figures, Household, children

_LOOK_SECONDS: Final = 300.0
_ROLES: Final = {
    "gcs_server": b"ray/gcs/gcs_server",
    "raylet": b"ray/raylet/raylet",
    "dashboard": b"dashboard/dashboard.py",
    "monitor": b"autoscaler/_private/monitor.py",
    "log-monitor": b"_private/log_monitor.py",
}
"""As the runner names them, and a part of their command lines."""
_AGENTS: Final = {
    "dashboard-agent": b"ray::DashboardAgent",
    "runtime-env-agent": b"ray::RuntimeEnvAgent",
}
"""The titles that they give themselves."""
_SESSION: Final = re.compile(rb"--raylet_socket_name=(\S+?/session_[^/\s]+)/")


class RayProcesses:
    """Looks for them now and then, and reads them when asked."""

    def __init__(
        self, raylet: int | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`raylet` is the one that started this process, unless another is named."""
        self._raylet = os.getppid() if raylet is None else raylet
        self._clock = clock
        self._known: dict[str, Household] = {}
        self._due = clock()

    def read(self) -> dict[str, Figures]:
        """Return the figures of each, by name; empty where no raylet started this process."""
        if self._clock() >= self._due:
            self._look()
        found = {name: one.read() for name, one in self._known.items()}
        if not all(found.values()):
            self._due = self._clock()  # one has ended: another may take its place
        return {name: figures for name, figures in found.items() if figures}

    def _look(self) -> None:
        self._due = self._clock() + _LOOK_SECONDS
        kept: dict[str, Household] = {}
        for name, pid in ray_processes(self._raylet).items():
            before = self._known.get(name)
            kept[name] = before if before and before.pid == pid else Household(pid, alone=True)
        self._known = kept


def ray_processes(raylet: int) -> Mapping[str, int]:
    """Return the pids of a raylet and of what belongs to it, by name; none if it is no raylet."""
    command = _command(raylet)
    if _ROLES["raylet"] not in command:
        return {}
    found = {"ray-raylet": raylet}
    session = _SESSION.search(command)
    if session is not None:
        found |= _named(_siblings(raylet), _ROLES, session[1])
    try:
        return {**found, **_named(children(raylet), _AGENTS, b""), "ray-raylet": raylet}
    except FileNotFoundError:
        return found


def _named(pids: list[int], parts: Mapping[str, bytes], session: bytes) -> dict[str, int]:
    found: dict[str, int] = {}
    for pid in pids:
        command = _command(pid)
        role = next((role for role, part in parts.items() if part in command[:500]), None)
        if role is not None and session in command:
            found.setdefault(f"ray-{role}", pid)
    return found


def _siblings(pid: int) -> list[int]:
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return children(int(fields[1]))
    except OSError:
        return []


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
    except OSError:
        return b""
