"""Checks of the machine: Python, disk, memory, limits, the GPU's driver."""

import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

from vllm_manager.cli.doctor.finding import Finding, apart, bad, good
from vllm_manager.cli.output import size
from vllm_manager.settings import Settings

_GIB = 1024**3
_LEAST_DISK_BYTES = 5 * _GIB
_LEAST_SHARED_BYTES = 64 * 1024**2
_LEAST_MEMORY_BYTES = 4 * _GIB
_LEAST_FILES = 4096


def check(settings: Settings) -> Iterator[Finding]:
    yield python()
    yield disk(settings.home)
    yield memory()
    yield shared_memory(Path("/dev/shm"))
    yield open_files()
    yield gpu()


def python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return good("Python", f"{version} ({sys.executable})")


def disk(home: Path) -> Finding:
    place = next(folder for folder in (home, *home.absolute().parents) if folder.exists())
    free = shutil.disk_usage(place).free
    if free >= _LEAST_DISK_BYTES:
        return good("Disk", f"{size(free)} free for {home}")
    return bad(
        "Disk",
        f"only {size(free)} free for {home}",
        "Free some space, or set VLLM_MANAGER_HOME to a folder on a larger disk.",
    )


def memory() -> Finding:
    found = psutil.virtual_memory()
    detail = f"{size(found.available)} of {size(found.total)} available"
    if found.available >= _LEAST_MEMORY_BYTES:
        return good("Memory", detail)
    return bad("Memory", detail, "An engine needs about 4 GiB: end other programs.")


def shared_memory(folder: Path) -> Finding:
    if not folder.is_dir():
        return apart("Shared memory", f"this system has no {folder}")
    total = shutil.disk_usage(folder).total
    if total >= _LEAST_SHARED_BYTES:
        return good("Shared memory", f"{size(total)} at {folder}")
    remedy = "In a container: start it with --shm-size=2g or --ipc=host."
    return bad("Shared memory", f"only {size(total)} at {folder}", remedy)


def open_files() -> Finding:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= _LEAST_FILES:
        return good("Open files", f"limit {soft}")
    remedy = f"Raise it: ulimit -n {max(65536, _LEAST_FILES)} (the hard limit is {hard})."
    return bad("Open files", f"the limit is {soft}, too few under load", remedy)


def gpu() -> Finding:
    """Look for an NVIDIA GPU without its driver, and for a driver that does not work."""
    if sys.platform == "darwin":
        return apart("GPU", "engines on Apple Silicon come in a later version")
    program = shutil.which("nvidia-smi")
    if program is None:
        if any(Path("/proc/driver/nvidia").glob("gpus/*")):
            remedy = "Install the driver's tools (nvidia-utils)."
            return bad("GPU", "there is an NVIDIA GPU but no nvidia-smi", remedy)
        return apart("GPU", "no NVIDIA GPU: models run on the CPU")
    query = [program, "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return bad("GPU", f"nvidia-smi does not answer: {error}", "Reload the driver, or reboot.")
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip().splitlines()
        remedy = "Install a driver that fits the kernel, or reboot after an update of it."
        return bad("GPU", f"nvidia-smi failed: {said[0] if said else 'no output'}", remedy)
    return good("GPU", "; ".join(done.stdout.strip().splitlines()))
