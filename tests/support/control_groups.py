"""Control groups with little memory, of either version; root may make them, where they can be."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")


@contextmanager
def small_group(name: str, memory_bytes: int) -> Generator[Path]:
    """Yield the folder of a group with so much memory; it must be empty again at the end.

    Raises:
        OSError: none can be made here.
    """
    is_first_version = (_ROOT / "memory").is_dir()
    group = (_ROOT / "memory" if is_first_version else _ROOT) / f"{name}-{os.getpid()}"
    group.mkdir()
    try:
        limit = "memory.limit_in_bytes" if is_first_version else "memory.max"
        (group / limit).write_text(str(memory_bytes))
        yield group
    finally:
        group.rmdir()


def can_be_made() -> bool:
    """Try it: root may lack the right in a container, or the kernel the memory controller."""
    try:
        with small_group("can-be-made", 1 << 20):
            return True
    except OSError:
        return False
