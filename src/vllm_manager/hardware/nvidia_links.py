"""How NVIDIA's GPUs reach each other: NVLink lanes, direct or through switches, and PCIe."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from vllm_manager.hardware.nvml import GpuGone, Nvml
from vllm_manager.hardware.schemas import GpuLink

Path = Literal["same_board", "one_switch", "switches", "host_bridge", "numa_node", "system"]


@dataclass(frozen=True, slots=True)
class NvLinks:
    """The active lanes of one GPU: to others by their bus id, and to switches."""

    direct: Mapping[str, int] = field(default_factory=dict[str, int])
    switched: int = 0


@dataclass(frozen=True, slots=True)
class Node:
    """One GPU in the topology. `nvlinks` is None where it has no NVLink."""

    index: int
    handle: Any
    bus_id: str | None
    nvlinks: NvLinks | None


def nvlinks_of(nvml: Nvml, handle: Any) -> NvLinks | None:
    """Return a GPU's active lanes; None where NVML says that it has no NVLink."""
    direct: dict[str, int] = {}
    switched, known = 0, False
    for lane in range(nvml.library.NVML_NVLINK_MAX_LINKS):
        state: int | None = nvml.ask("nvmlDeviceGetNvLinkState", handle, lane)
        if state is None:  # past the last lane, or no NVLink at all
            break
        known = True
        if not state:
            continue
        if _leads_to_a_switch(nvml, handle, lane):
            switched += 1
            continue
        remote = nvml.ask("nvmlDeviceGetNvLinkRemotePciInfo", handle, lane)
        if remote is not None:
            bus_id = _plain(remote.busId)
            direct[bus_id] = direct.get(bus_id, 0) + 1
    return NvLinks(direct, switched) if known else None


def link_between(nvml: Nvml, first: Node, second: Node) -> GpuLink:
    """Return how two GPUs reach each other."""
    try:
        level = nvml.ask("nvmlDeviceGetTopologyCommonAncestor", first.handle, second.handle)
    except GpuGone:  # it went between its own reading and this
        level = None
    return GpuLink(
        first=first.index,
        second=second.index,
        nvlinks=_lanes(first, second),
        path=_paths(nvml).get(level) if level is not None else None,
    )


def _lanes(first: Node, second: Node) -> int | None:
    if first.nvlinks is None or second.nvlinks is None:
        return None
    direct = first.nvlinks.direct.get(_plain(second.bus_id or ""), 0)
    return direct or min(first.nvlinks.switched, second.nvlinks.switched)


def _leads_to_a_switch(nvml: Nvml, handle: Any, lane: int) -> bool:
    kind = nvml.ask("nvmlDeviceGetNvLinkRemoteDeviceType", handle, lane)
    return kind == nvml.library.NVML_NVLINK_DEVICE_TYPE_SWITCH


def _paths(nvml: Nvml) -> Mapping[int, Path]:
    library = nvml.library
    return {
        library.NVML_TOPOLOGY_INTERNAL: "same_board",
        library.NVML_TOPOLOGY_SINGLE: "one_switch",
        library.NVML_TOPOLOGY_MULTIPLE: "switches",
        library.NVML_TOPOLOGY_HOSTBRIDGE: "host_bridge",
        library.NVML_TOPOLOGY_NODE: "numa_node",
        library.NVML_TOPOLOGY_SYSTEM: "system",
    }


def _plain(bus_id: str | bytes) -> str:
    """Return a bus id in one form: NVML writes some with four digits of domain, some with eight."""
    text = bus_id.decode() if isinstance(bus_id, bytes) else bus_id
    domain, _, rest = text.lower().partition(":")
    return f"{domain[-4:]}:{rest}"
