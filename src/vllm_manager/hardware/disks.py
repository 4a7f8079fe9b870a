"""The probe of the file systems that the product and its engines keep things on."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol

import psutil

from vllm_manager.hardware.schemas import Disk


class Mount(Protocol):
    """What psutil tells of a mounted file system."""

    @property
    def mountpoint(self) -> str: ...

    @property
    def fstype(self) -> str: ...


Purpose = Literal["models", "home", "temporary", "shared_memory"]


class Disks:
    """Says how full the file systems under some folders are."""

    name = "disks"

    def __init__(self, folders: Mapping[Purpose, Path]) -> None:
        self._folders = folders

    def read(self) -> Sequence[Disk]:
        """Return each folder's file system; a folder that is not made yet counts as its parent."""
        mounted = psutil.disk_partitions(all=True)
        return [_disk(purpose, folder, mounted) for purpose, folder in self._folders.items()]


def _disk(purpose: Purpose, folder: Path, mounted: Sequence[Mount]) -> Disk:
    place = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    usage = shutil.disk_usage(place)
    mount_point, filesystem = _mount(place.resolve(), mounted)
    return Disk(
        purpose=purpose,
        path=str(folder),
        mount_point=mount_point,
        filesystem=filesystem,
        total_bytes=usage.total,
        used_bytes=usage.used,
        free_bytes=usage.free,
    )


def _mount(place: Path, mounted: Sequence[Mount]) -> tuple[str | None, str | None]:
    """Return the mount point that `place` is under, and its kind of file system."""
    above = [m for m in mounted if place.is_relative_to(m.mountpoint)]
    deepest = max(above, key=lambda m: len(m.mountpoint), default=None)
    return (deepest.mountpoint, deepest.fstype or None) if deepest else (None, None)
