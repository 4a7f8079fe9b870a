"""Linux's own account of the processors: /proc/cpuinfo, and sockets, cores and NUMA from /sys."""

import os
import platform
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from vllm_manager.hardware.schemas import Cpu, NumaNode

_FAMILIES = ("avx", "amx_", "sve")
_SINGLE = frozenset(
    {
        "sse4_2",
        "fma",
        "f16c",
        "asimd",
        "asimdhp",
        "asimddp",
        "asimdfhm",
        "bf16",
        "i8mm",
        "sme",
        "vxe",
    }
)
_VENDORS_OF_ARM = {"0x41": "ARM", "0x4e": "NVIDIA", "0x61": "Apple", "0xc0": "Ampere"}
Topology = Mapping[int, tuple[str, str]]
"""Logical CPU → (socket, core), as the kernel numbers them."""


def read_cpu(root: Path, usable_cpus: float | None) -> Cpu:
    """Return the processors that the files below `root` tell of."""
    blocks = list(cpuinfo_blocks(_text(root / "proc/cpuinfo") or ""))
    first = blocks[0] if blocks else {}
    topology = _topology(root) or _topology_of_cpuinfo(blocks)
    flags = first.get("flags") or first.get("Features") or first.get("features")
    return Cpu(
        name=first.get("model name") or first.get("Model"),
        vendor=first.get("vendor_id") or _VENDORS_OF_ARM.get(first.get("CPU implementer", "")),
        architecture=platform.machine(),
        sockets=len({socket for socket, _ in topology.values()}) or None,
        cores=len(set(topology.values())) or None,
        threads=len(topology) or len(blocks) or None,
        usable_cpus=usable_cpus,
        performance_cores=None,
        efficiency_cores=None,
        numa_nodes=_numa_nodes(root),
        instruction_sets=instruction_sets(flags.split()) if flags is not None else None,
    )


def cpuinfo_blocks(text: str) -> Iterator[dict[str, str]]:
    """Yield each logical CPU's lines of /proc/cpuinfo, in their order."""
    for block in text.strip().split("\n\n"):
        pairs = (line.partition(":") for line in block.splitlines() if ":" in line)
        known = {name.strip(): value.strip() for name, _, value in pairs}
        if "processor" in known:
            yield known


def instruction_sets(flags: Sequence[str]) -> list[str]:
    """Return those flags that decide how fast an engine computes."""
    return [flag for flag in flags if flag.startswith(_FAMILIES) or flag in _SINGLE]


def numbers_of(listed: str) -> list[int]:
    """Return the numbers in a kernel's list, as `0-3,8`.

    Raises:
        ValueError: it is no such list.
    """
    found: list[int] = []
    for part in filter(None, listed.strip().split(",")):
        first, _, last = part.partition("-")
        found.extend(range(int(first), int(last or first) + 1))
    return found


def affinity() -> int | None:
    """Return how many CPUs this process may run on; None where the system doesn't say."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    return len(os.sched_getaffinity(0))


def _topology(root: Path) -> Topology:
    found: dict[int, tuple[str, str]] = {}
    for folder in (root / "sys/devices/system/cpu").glob("cpu[0-9]*"):
        socket = _text(folder / "topology/physical_package_id")
        core = _text(folder / "topology/core_id")
        if socket and core and socket.strip() != "-1":
            found[int(folder.name.removeprefix("cpu"))] = (socket.strip(), core.strip())
    return found


def _topology_of_cpuinfo(blocks: Sequence[Mapping[str, str]]) -> Topology:
    return {
        int(block["processor"]): (block["physical id"], block["core id"])
        for block in blocks
        if "physical id" in block and "core id" in block
    }


def _numa_nodes(root: Path) -> list[NumaNode] | None:
    folders = (root / "sys/devices/system/node").glob("node[0-9]*")
    nodes = [_numa_node(folder) for folder in folders]
    return sorted(nodes, key=lambda node: node.index) or None


def _numa_node(folder: Path) -> NumaNode:
    total = re.search(r"MemTotal:\s+(\d+) kB", _text(folder / "meminfo") or "")
    return NumaNode(
        index=int(folder.name.removeprefix("node")),
        cpus=numbers_of(_text(folder / "cpulist") or ""),
        memory_total_bytes=int(total[1]) * 1024 if total else None,
    )


def _text(path: Path) -> str | None:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return None
