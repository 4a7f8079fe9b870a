"""Whether a node has the memory for a spare."""

import importlib.util
import os
import sys
from pathlib import Path

# One spare holds about 650 MB; beside it an engine must still find what it needs.
SPARE_BYTES = 700 * 1000 * 1000
_LEFT_FOR_ENGINES_BYTES = 2_500_000_000
_CGROUP = Path("/sys/fs/cgroup")


def shortage(limit_bytes: int | None) -> str | None:
    """Return why there is no room for a spare, or None."""
    if limit_bytes is not None and limit_bytes < SPARE_BYTES:
        return f"a spare needs about {SPARE_BYTES} bytes, and spares may hold {limit_bytes}"
    free = available_bytes()
    if free is not None and free < SPARE_BYTES + _LEFT_FOR_ENGINES_BYTES:
        return f"memory is short on this node: {free} bytes are free"
    return None


def absence(engine: str) -> str | None:
    """Return that `engine` is not installed here, or None."""
    if engine != "vllm" or importlib.util.find_spec("vllm") is not None:
        return None
    return f"vLLM is not installed in {sys.prefix}"


def available_bytes() -> int | None:
    """Return the memory that may still be taken here; None where nothing tells."""
    known = [n for n in (_system_bytes(), _group_bytes()) if n is not None]
    return min(known) if known else None


def _system_bytes() -> int | None:
    try:
        with open("/proc/meminfo") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None


def _group_bytes() -> int | None:
    """Return what the control group leaves: its limit without what can't be dropped."""
    try:
        own = Path("/proc/self/cgroup").read_text().strip().rpartition("::")[2].lstrip("/")
        folder = _CGROUP / own
        if not (folder / "memory.max").exists():
            folder = _CGROUP
        limit = (folder / "memory.max").read_text().strip()
        if limit == "max":
            return None
        used = int((folder / "memory.current").read_text())
        stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        return int(limit) - used + int(stat.get("inactive_file", 0))
    except (OSError, ValueError):
        return None


def is_linux() -> bool:
    """Warm starts need fork, /proc and descriptors over sockets as Linux has them."""
    return os.path.isdir("/proc/self/task")
