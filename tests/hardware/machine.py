"""A machine made of scripted probes, with a clock to move."""

import subprocess
import sys
import threading
from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeVar

from fakes.clock import FakeClock
from fakes.nvml import FakeNvml
from vllm_manager.hardware import GpusFound, GpuUse, Hardware, Probe
from vllm_manager.hardware.disks import Disks
from vllm_manager.hardware.linux import LinuxHost
from vllm_manager.hardware.nvidia import NvidiaGpus

T = TypeVar("T")


class Scripted(Generic[T]):
    """A probe that finds what a test says, or raises it; it waits while `gate` is closed."""

    def __init__(self, outcome: T | Exception, name: str = "scripted") -> None:
        self.name = name
        self.outcome = outcome
        self.reads = 0
        self.gate = threading.Event()
        self.gate.set()
        self.started = threading.Event()

    def read(self) -> T:
        self.reads += 1
        self.started.set()
        self.gate.wait()
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


@contextmanager
def process(code: str = "input()") -> Generator[int]:
    """Yield the pid of a Python process that waits for a line, which it gets at the end."""
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as started:
        yield started.pid
        started.communicate(b"\n")


def nobody() -> Collection[int]:
    return ()


def nothing() -> Collection[GpuUse]:
    return ()


def hardware_with(
    *gpus: Probe[GpusFound],
    clock: FakeClock | None = None,
    engine_pids: Callable[[], Collection[int]] = nobody,
    gpu_uses: Callable[[], Collection[GpuUse]] = nothing,
    limit_seconds: float = 60.0,
) -> Hardware:
    """Return this machine's own host and disks with other GPUs."""
    disks = Disks({"models": Path("/")})
    return Hardware(
        LinuxHost(),
        gpus,
        disks,
        clock or FakeClock(),
        engine_pids,
        gpu_uses,
        limit_seconds=limit_seconds,
    )


def nvidia(nvml: FakeNvml) -> Sequence[Probe[GpusFound]]:
    return (NvidiaGpus(lambda: nvml),)
