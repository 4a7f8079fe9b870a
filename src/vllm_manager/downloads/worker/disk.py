"""The disk that models are written to: how much is free, and what its refusals mean."""

import errno
import os
from dataclasses import dataclass
from pathlib import Path

from vllm_manager.downloads.worker.failures import Failure
from vllm_manager.downloads.worker.part import Write

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def free_bytes(folder: Path) -> int:
    """Return what may still be written below an existing folder."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


@dataclass(frozen=True, slots=True)
class Disk:
    """Where bytes go."""

    write: Write = os.pwrite

    def free_bytes(self, folder: Path) -> int:
        return free_bytes(folder)


def too_small(folder: Path, missing_bytes: int, free: int) -> Failure:
    """Return the refusal before the first byte."""
    return Failure(
        "disk_too_small",
        f"{size(missing_bytes)} are still to come, but only {size(free)} are free in {folder}. "
        f"Free {size(missing_bytes - free)}, or keep models on a larger disk "
        "(VLLM_MANAGER_MODELS_DIR). Nothing was fetched.",
        evidence=f"missing_bytes={missing_bytes} free_bytes={free}",
        remedies=("Delete models that are no longer used, then retry",),
        status=507,
    )


def refusal(error: OSError, folder: Path) -> Failure:
    """Return what a disk's refusal in mid-file means."""
    if error.errno in _FULL:
        return Failure(
            "disk_full",
            f"The disk of {folder} is full ({size(_free(folder))} left). What has come is kept: "
            "free some space, then retry.",
            evidence=str(error),
            remedies=("Delete models that are no longer used, then retry",),
            status=507,
        )
    return Failure(
        "disk_failed",
        f"{folder} can't be written to: {error.strerror or error}. What has come is kept; retry "
        "when that is mended.",
        evidence=str(error),
        status=500,
    )


def _free(folder: Path) -> int:
    try:
        return free_bytes(folder)
    except OSError:
        return 0


def size(count_bytes: int) -> str:
    """Return bytes as people read them."""
    value = float(count_bytes)
    for unit in ("B", "KB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"
