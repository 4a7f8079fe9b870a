"""The probe of a Linux machine: system, processors, memory within a container's limits."""

import platform
import shlex
import socket
from pathlib import Path

from vllm_manager.hardware.cgroup import Limits, read_limits
from vllm_manager.hardware.cpu import affinity, read_cpu
from vllm_manager.hardware.probe import HostFound, ProbeFailure
from vllm_manager.hardware.schemas import Host, Memory, ProbeProblem


class LinuxHost:
    """Reads /proc and /sys below `root`."""

    name = "host"

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root

    def read(self) -> HostFound:
        """Return the machine; without /proc/meminfo its memory is unknown, and that is said."""
        limits = read_limits(self._root)
        problems: list[ProbeProblem] = []
        try:
            memory = read_memory(self._root, limits)
        except ProbeFailure as failure:
            memory = _unknown_memory(limits)
            problem = ProbeProblem(probe=self.name, code=failure.code, detail=failure.detail)
            problems.append(problem)
        release = _os_release(self._root)
        usable = [share for share in (affinity(), limits.cpus) if share is not None]
        host = Host(
            hostname=socket.gethostname(),
            os_name=release.get("NAME"),
            os_version=release.get("VERSION_ID"),
            kernel_version=platform.release(),
            model=_model(self._root),
            cpu=read_cpu(self._root, min(usable, default=None)),
            memory=memory,
        )
        return HostFound(host, problems)


def read_memory(root: Path, limits: Limits) -> Memory:
    """Return the memory that /proc/meminfo tells of, cut to the container's limits.

    Raises:
        ProbeFailure: the file can't be read, or says nothing of the memory (`memory_unknown`).
    """
    path = root / "proc/meminfo"
    try:
        lines = path.read_text().splitlines()
    except OSError as error:
        raise ProbeFailure("memory_unknown", f"{path} can't be read: {error}") from error
    pairs = (line.partition(":") for line in lines)
    known = {name: _kib(value) for name, _, value in pairs}
    total, available = known.get("MemTotal"), known.get("MemAvailable")
    if total is None or available is None:
        raise ProbeFailure("memory_unknown", f"{path} names no MemTotal and MemAvailable.")
    limit = limits.memory_limit_bytes
    limit = limit if limit is not None and limit < total else None
    left = limits.memory_available_bytes
    return Memory(
        total_bytes=total if limit is None else limit,
        available_bytes=available if left is None else min(available, left),
        machine_total_bytes=total,
        limit_bytes=limit,
        swap_total_bytes=known.get("SwapTotal"),
        swap_free_bytes=known.get("SwapFree"),
        is_unified=False,
    )


def _unknown_memory(limits: Limits) -> Memory:
    return Memory(
        total_bytes=limits.memory_limit_bytes,
        available_bytes=None,
        machine_total_bytes=None,
        limit_bytes=limits.memory_limit_bytes,
        swap_total_bytes=None,
        swap_free_bytes=None,
        is_unified=False,
    )


def _kib(value: str) -> int | None:
    words = value.split()
    return int(words[0]) * 1024 if words and words[0].isdecimal() else None


def _os_release(root: Path) -> dict[str, str]:
    """Return what os-release(5) says, from the first of its two places."""
    for place in ("etc/os-release", "usr/lib/os-release"):
        try:
            lines = (root / place).read_text().splitlines()
        except OSError:
            continue
        pairs = (line.partition("=") for line in lines if "=" in line and line[0] != "#")
        return {name: " ".join(shlex.split(value)) for name, _, value in pairs}
    return {}


def _model(root: Path) -> str | None:
    for place in ("sys/class/dmi/id/product_name", "proc/device-tree/model"):
        try:
            name = (root / place).read_text(errors="replace").strip(" \0\n")
        except OSError:
            continue
        if name:
            return name
    return None
