"""Chooses the probes for the platform that this runs on."""

from collections.abc import Callable, Collection

from vllm_manager.hardware.disks import Disks
from vllm_manager.hardware.linux import LinuxHost
from vllm_manager.hardware.service import Hardware
from vllm_manager.kit.clock import Clock
from vllm_manager.settings import Settings


def build(settings: Settings, clock: Clock, engine_pids: Callable[[], Collection[int]]) -> Hardware:
    """Return the hardware of this machine; nothing is read until somebody asks."""
    disks = Disks({"models": settings.model_store, "home": settings.home})
    return Hardware(LinuxHost(), (), disks, clock, engine_pids)
