"""Whether a node has the memory for a spare."""

import importlib.util
import os
import sys
from pathlib import Path

# One spare holds about 650 MB; beside it an engine must still find what it needs.
SPARE_BYTES = 700 * 1000 * 1000
_LEFT_FOR_ENGINES_BYTES = 2_500_000_000
_CGROUP = Path("/sys/fs/cgroup")
# By version: the limit, what is held, and the part of that which can be dropped.
_GROUP_FILES = {
    1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    2: ("memory.max", "memory.current", "inactive_file"),
}
_UNLIMITED_BYTES = 1 << 60


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
    """Return what the control group of this process leaves, of either version."""
    known: list[int] = []
    try:
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, own = line.split(":", 2)
            version = 1 if "memory" in controllers.split(",") else 2 if not controllers else None
            left = group_bytes(_CGROUP, own, version) if version else None
            known += [] if left is None else [left]
    except (OSError, ValueError):
        return None
    return min(known) if known else None


def group_bytes(root: Path, own: str, version: int) -> int | None:
    """Return the limit of control group `own` without what is held there and can't be dropped.

    None where there is no limit. In a container the group may be seen as `root` itself.
    """
    limit_name, held_name, cached = _GROUP_FILES[version]
    root = root / "memory" if version == 1 else root
    folder = root / own.lstrip("/")
    if not (folder / limit_name).exists():
        folder = root
    try:
        limit = (folder / limit_name).read_text().strip()
        if limit == "max" or int(limit) >= _UNLIMITED_BYTES:
            return None
        held = int((folder / held_name).read_text())
        stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        return int(limit) - held + int(stat.get(cached, 0))
    except (OSError, ValueError):
        return None


def is_linux() -> bool:
    """Warm starts need fork, /proc and descriptors over sockets as Linux has them."""
    return os.path.isdir("/proc/self/task")
