"""Proof that a process may be forked into an engine: one thread, no GPU state, no foreign files."""

import contextlib
import os
import sys
from collections.abc import Collection
from typing import Any


def flaws(own_descriptors: Collection[int]) -> list[str]:
    """Return what forbids a fork, for people; empty where nothing does.

    `own_descriptors` are open on purpose and closed by whoever is forked.
    """
    return [*_threads(), *_descriptors(own_descriptors), *_devices()]


def threads() -> dict[int, str]:
    """Return the names of this process's threads by number, as the kernel knows them."""
    names: dict[int, str] = {}
    for task in os.listdir("/proc/self/task"):
        with contextlib.suppress(OSError), open(f"/proc/self/task/{task}/comm") as file:
            names[int(task)] = file.read().strip()
    return names


def _threads() -> list[str]:
    names = list(threads().values())
    return [] if len(names) == 1 else [f"{len(names)} threads run ({', '.join(names)})"]


def _descriptors(own: Collection[int]) -> list[str]:
    found: list[str] = []
    for name in os.listdir("/proc/self/fd"):
        if int(name) in own or int(name) < 3:
            continue
        try:
            found.append(f"{os.readlink(f'/proc/self/fd/{name}')} is open")
        except OSError:
            continue  # the folder's own, closed by now
    return found


def _devices() -> list[str]:
    """Look for what can't be carried over a fork: a CUDA context, NVML's session."""
    found: list[str] = []
    torch: Any = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        found.append("CUDA is initialised")
    pynvml: Any = next((m for n, m in sys.modules.items() if n.endswith("pynvml")), None)
    if pynvml is not None and getattr(pynvml, "_nvmlLib_refcount", 0) > 0:
        found.append("NVML is initialised")
    with open("/proc/self/maps") as maps:
        if any("/dev/nvidia" in line for line in maps):
            found.append("a GPU device is mapped")
    return found
