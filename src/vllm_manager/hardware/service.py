"""One snapshot of the machine, from every probe at once, shared by all who ask within 2 s."""

import asyncio
import logging
import platform
import socket
import sys
from collections.abc import Callable, Collection, Sequence
from typing import Literal, TypeVar

from vllm_manager.hardware.owners import mark_ours
from vllm_manager.hardware.probe import GpusFound, HostFound, Probe, ProbeFailure, Timed
from vllm_manager.hardware.roll import GpuUse, Roll, with_users
from vllm_manager.hardware.schemas import (
    Cpu,
    Disk,
    HardwareSnapshot,
    Host,
    Memory,
    ProbeProblem,
)
from vllm_manager.kit.clock import Clock

log = logging.getLogger(__name__)

_SHARED_SECONDS = 2.0
_LIMIT_SECONDS = 5.0

T = TypeVar("T")


class Hardware:
    """Answers what this machine has, and what of it is free."""

    def __init__(
        self,
        host: Probe[HostFound],
        gpus: Sequence[Probe[GpusFound]],
        disks: Probe[Sequence[Disk]],
        clock: Clock,
        engine_pids: Callable[[], Collection[int]],
        gpu_uses: Callable[[], Collection[GpuUse]],
        limit_seconds: float = _LIMIT_SECONDS,
    ) -> None:
        self._host = Timed(host, limit_seconds)
        self._gpus = [Timed(probe, limit_seconds) for probe in gpus]
        self._disks = Timed(disks, limit_seconds)
        self._clock = clock
        self._engine_pids = engine_pids
        self._gpu_uses = gpu_uses
        self._roll = Roll()
        self._reading: asyncio.Task[HardwareSnapshot] | None = None
        self._shared: tuple[float, HardwareSnapshot] | None = None

    async def snapshot(self) -> HardwareSnapshot:
        """Return the machine as it is, at most 2 s old. It never raises for a probe's sake."""
        now = self._clock.monotonic()
        if self._shared is not None and now - self._shared[0] < _SHARED_SECONDS:
            return self._shared[1]
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read(), name="hardware")
        # Shielded: whoever goes away leaves the reading to the others that wait for it.
        return await asyncio.shield(self._reading)

    async def _read(self) -> HardwareSnapshot:
        problems: list[ProbeProblem] = []
        (host, disks), parts = await asyncio.gather(
            asyncio.gather(_part(self._host, problems), _part(self._disks, problems)),
            asyncio.gather(*(_part(probe, problems) for probe in self._gpus)),
        )
        found = [part for part in parts if part is not None]
        gpus = [gpu for part in found for gpu in part.gpus]
        told = [*(host.problems if host else ()), *(p for part in found for p in part.problems)]
        if len(found) == len(parts):  # where a probe has failed, nothing is known to be missing
            gpus, missed = self._roll.call(gpus)
            told += missed
        gpus = self._roll.uses(gpus, self._gpu_uses())
        owned = await asyncio.to_thread(mark_ours, gpus, frozenset(self._engine_pids()))
        snapshot = HardwareSnapshot(
            at=self._clock.now(),
            platform=_platform(),
            host=host.host if host else _unknown_host(),
            driver=next((part.driver for part in found if part.driver), None),
            gpus=owned,
            gpu_links=[link for part in found for link in part.links],
            disks=list(disks or ()),
            problems=with_users([*problems, *told], owned),
        )
        self._shared = (self._clock.monotonic(), snapshot)
        return snapshot


async def _part(probe: Timed[T], problems: list[ProbeProblem]) -> T | None:
    """Return what a probe finds, or None with the reason added to `problems`."""
    try:
        return await probe.read()
    except ProbeFailure as failure:
        log.debug("%s: %s", probe.name, failure.detail, exc_info=True)
        problem = ProbeProblem(probe=probe.name, code=failure.code, detail=failure.detail)
        problems.append(problem)
        return None


def _platform() -> Literal["linux", "macos", "other"]:
    if sys.platform == "darwin":
        return "macos"
    return "linux" if sys.platform.startswith("linux") else "other"


def _unknown_host() -> Host:
    """Return a host of which nothing is known but its name."""
    cpu = dict.fromkeys(Cpu.model_fields)
    memory = dict.fromkeys(Memory.model_fields)
    return Host(
        hostname=socket.gethostname(),
        os_name=None,
        os_version=None,
        kernel_version=None,
        model=None,
        cpu=Cpu.model_validate({**cpu, "architecture": platform.machine()}),
        memory=Memory.model_validate({**memory, "is_unified": False}),
    )
