"""What Linux's control groups (a container, a systemd service) leave of memory and CPUs."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_NO_LIMIT_BYTES = 1 << 60
"""Version 1 writes "none" as the largest multiple of a page below 2⁶³."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The tightest of all groups that this process is in; None where no group limits."""

    memory_limit_bytes: int | None = None
    memory_available_bytes: int | None = None
    cpus: float | None = None


@dataclass(frozen=True, slots=True)
class _Names:
    """How one version of control groups calls its files."""

    limit: str
    usage: str
    reclaimable: tuple[str, ...]


_VERSION_1 = _Names(
    "memory.limit_in_bytes",
    "memory.usage_in_bytes",
    ("total_inactive_file", "total_active_file"),
)
_VERSION_2 = _Names(
    "memory.max", "memory.current", ("inactive_file", "active_file", "slab_reclaimable")
)


def read_limits(root: Path) -> Limits:
    """Return the limits that the files below `root` tell of."""
    memory = [
        found
        for names, controller in ((_VERSION_2, ""), (_VERSION_1, "memory"))
        for folder in _groups(root, controller)
        if (found := _memory(folder, names)) is not None
    ]
    cpus = [_cpus_2(folder) for folder in _groups(root, "")]
    cpus += [_cpus_1(folder) for folder in _groups(root, "cpu")]
    return Limits(
        memory_limit_bytes=min((limit for limit, _ in memory), default=None),
        memory_available_bytes=min((left for _, left in memory if left is not None), default=None),
        cpus=min((share for share in cpus if share is not None), default=None),
    )


def _memory(folder: Path, names: _Names) -> tuple[int, int | None] | None:
    """Return a group's limit and what is left of it; None without a limit."""
    limit = _number(folder / names.limit)
    if limit is None or limit >= _NO_LIMIT_BYTES:
        return None
    usage = _number(folder / names.usage)
    if usage is None:
        return limit, None
    # The cache of files counts as used, and is given back when a program wants memory.
    cached = sum(_statistics(folder / "memory.stat", names.reclaimable))
    return limit, max(0, limit - usage + min(cached, usage))


def _cpus_2(folder: Path) -> float | None:
    quota, _, period = (_text(folder / "cpu.max") or "max").partition(" ")
    return int(quota) / int(period) if quota.isdecimal() and period.isdecimal() else None


def _cpus_1(folder: Path) -> float | None:
    quota, period = _number(folder / "cpu.cfs_quota_us"), _number(folder / "cpu.cfs_period_us")
    return quota / period if quota is not None and quota > 0 and period else None


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """Yield this process's group of a controller (`""`: version 2) and those around it."""
    place = _mount(root, controller)
    path = _path(root, controller)
    if place is None or path is None:
        return
    mounted_root, mount_point = place
    # A container sees its own group mounted as the root, and may be told the host's path of it.
    inside = path.removeprefix(mounted_root.rstrip("/")).strip("/")
    top = root / mount_point.lstrip("/")
    folder = top / inside
    if not folder.is_dir():
        folder = top
    while True:
        yield folder
        if folder == top:
            return
        folder = folder.parent


def _mount(root: Path, controller: str) -> tuple[str, str] | None:
    """Return the root of the mounted hierarchy and where it is mounted."""
    for line in (_text(root / "proc/self/mountinfo") or "").splitlines():
        first, _, second = line.partition(" - ")
        where, how = first.split(), second.split()
        if len(where) < 5 or len(how) < 3:
            continue
        is_2 = how[0] == "cgroup2" and not controller
        is_1 = how[0] == "cgroup" and controller in how[2].split(",") and bool(controller)
        if is_1 or is_2:
            return where[3], where[4]
    return None


def _path(root: Path, controller: str) -> str | None:
    for line in (_text(root / "proc/self/cgroup") or "").splitlines():
        number, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        if (number == "0" and not controller) or (controller and controller in names.split(",")):
            return path
    return None


def _statistics(path: Path, names: tuple[str, ...]) -> Iterator[int]:
    for line in (_text(path) or "").splitlines():
        name, _, value = line.partition(" ")
        if name in names and value.isdecimal():
            yield int(value)


def _number(path: Path) -> int | None:
    try:
        return int(_text(path) or "")
    except ValueError:
        return None


def _text(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:
        return None
