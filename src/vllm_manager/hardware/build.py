"""Chooses the probes for the platform that this runs on."""

import sys
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from vllm_manager.hardware.apple import AppleGpus, AppleHost, Profile
from vllm_manager.hardware.disks import Disks, Purpose
from vllm_manager.hardware.linux import LinuxHost
from vllm_manager.hardware.nvidia import NvidiaGpus
from vllm_manager.hardware.nvidia_smi import NvidiaSmi
from vllm_manager.hardware.probe import GpusFound, HostFound, Probe
from vllm_manager.hardware.roll import GpuUse
from vllm_manager.hardware.service import Hardware
from vllm_manager.kit.clock import Clock
from vllm_manager.settings import Settings

_SHARED_MEMORY = Path("/dev/shm")


class Users(Protocol):
    """Who uses this machine."""

    def engine_pids(self) -> Collection[int]:
        """Return the processes of engines."""
        ...

    def gpu_uses(self) -> Collection[GpuUse]:
        """Return which GPU was given to whom."""
        ...


def build(settings: Settings, clock: Clock, users: Callable[[], Users]) -> Hardware:
    """Return the hardware of this machine; nothing is read until somebody asks."""
    disks = Disks(folders_of(settings))
    host, gpus = probes_of(sys.platform)
    return Hardware(
        host, gpus, disks, clock, lambda: users().engine_pids(), lambda: users().gpu_uses()
    )


def folders_of(settings: Settings) -> Mapping[Purpose, Path]:
    """Return the folders whose file systems matter, by what they are for."""
    folders: dict[Purpose, Path] = {
        "models": settings.model_store,
        "home": settings.home,
        "temporary": Path(tempfile.gettempdir()),
    }
    if _SHARED_MEMORY.exists():
        folders["shared_memory"] = _SHARED_MEMORY
    return folders


def probes_of(platform: str) -> tuple[Probe[HostFound], Sequence[Probe[GpusFound]]]:
    """Return the probes of the host and of the GPUs for a `sys.platform`."""
    if platform == "darwin":
        profile = Profile()
        return AppleHost(profile), (AppleGpus(profile),)
    return LinuxHost(), (NvidiaGpus(otherwise=NvidiaSmi()),)
