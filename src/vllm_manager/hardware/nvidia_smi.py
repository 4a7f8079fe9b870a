"""The probe of NVIDIA's GPUs through `nvidia-smi -q -x`, for where NVML can't be loaded."""

import re
import shutil
from collections.abc import Callable
from typing import Literal
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from vllm_manager.hardware.probe import GpusFound, ProbeFailure
from vllm_manager.hardware.schemas import (
    Gpu,
    GpuClocks,
    GpuDriver,
    GpuEcc,
    GpuMig,
    GpuPcie,
    GpuProcess,
    MigInstance,
    ProbeProblem,
)
from vllm_manager.hardware.tools import run_tool

_MIB = 1024**2
_LOST = ("GPU is lost", "[GPU is lost]")
_BROKEN = ("Unknown Error", "[Unknown Error]", "GPU requires reset", "[GPU requires reset]")


class NvidiaSmi:
    """Reads the driver's own program."""

    name = "nvidia"

    def __init__(self, query: Callable[[], str | None] | None = None) -> None:
        self._query = query or query_nvidia_smi

    def read(self) -> GpusFound:
        """Return the GPUs; none where there is no such program.

        Raises:
            ProbeFailure: it fails, or what it writes can't be read (`nvidia_smi_failed`).
        """
        text = self._query()
        return parse(text) if text is not None else GpusFound()


def query_nvidia_smi() -> str | None:
    """Return what `nvidia-smi -q -x` writes, or None where it is not installed.

    Raises:
        ProbeFailure: it fails (`nvidia_smi_failed`).
    """
    program = shutil.which("nvidia-smi") or shutil.which("nvidia-smi", path="/usr/lib/wsl/lib")
    return run_tool([program, "-q", "-x"], "nvidia_smi_failed") if program else None


def parse(text: str) -> GpusFound:
    """Return the GPUs in the XML of `nvidia-smi -q -x`.

    Raises:
        ProbeFailure: it is none (`nvidia_smi_failed`).
    """
    try:
        log = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        detail = f"What nvidia-smi writes can't be read: {error}"
        raise ProbeFailure("nvidia_smi_failed", detail) from error
    gpus = [_gpu(element, index) for index, element in enumerate(log.iter("gpu"))]
    driver = GpuDriver(
        version=_text(log, "driver_version"),
        cuda_version=_text(log, "cuda_version"),
        source="nvidia-smi",
    )
    problems = [_problem(gpu) for gpu in gpus if gpu.state != "ok"]
    return GpusFound(gpus, (), driver, problems)


def _gpu(element: Element, index: int) -> Gpu:
    total = _mib(element, "fb_memory_usage/total")
    power = (
        "gpu_power_readings"
        if element.find("gpu_power_readings") is not None
        else ("power_readings")
    )
    return Gpu(
        vendor="nvidia",
        index=index,
        uuid=_text(element, "uuid"),
        name=_text(element, "product_name"),
        state=_state(element),
        memory_total_bytes=total,
        memory_used_bytes=_used(element, "fb_memory_usage", total),
        memory_free_bytes=_mib(element, "fb_memory_usage/free"),
        is_memory_unified=False if total else None,
        cores=None,
        compute_capability=None,
        utilization_percent=_number(element, "utilization/gpu_util"),
        memory_utilization_percent=_number(element, "utilization/memory_util"),
        temperature_celsius=_number(element, "temperature/gpu_temp"),
        power_watts=_first_number(element, f"{power}/instant_power_draw", f"{power}/power_draw"),
        power_limit_watts=_first_number(
            element,
            f"{power}/current_power_limit",
            f"{power}/enforced_power_limit",
            f"{power}/power_limit",
        ),
        clocks=_clocks(element),
        ecc=_ecc(element),
        mig=_mig(element),
        pcie=_pcie(element),
        numa_node=None,
        processes=[_process(process) for process in element.findall("processes/process_info")],
    )


def _state(element: Element) -> Literal["ok", "lost", "failed"]:
    said = [(node.text or "").strip() for node in element.iter()]
    if any(word in _LOST for word in said):
        return "lost"
    # A single field may be unknown on a GPU that is well; its memory may not.
    usage = [(node.text or "").strip() for node in element.findall("fb_memory_usage/*")]
    return "failed" if any(word in _BROKEN for word in usage) else "ok"


def _problem(gpu: Gpu) -> ProbeProblem:
    who = f"GPU {gpu.index}{f' ({gpu.name})' if gpu.name else ''}"
    code, what = (
        ("gpu_lost", "has fallen off the bus")
        if gpu.state == "lost"
        else (
            "gpu_failed",
            "does not answer as it should",
        )
    )
    detail = f"{who} {what}, says nvidia-smi. Look for “Xid” in the kernel's log; reboot."
    return ProbeProblem(probe="nvidia", code=code, detail=detail, gpu_index=gpu.index)


def _clocks(element: Element) -> GpuClocks:
    return GpuClocks(
        graphics_mhz=_whole(element, "clocks/graphics_clock"),
        memory_mhz=_whole(element, "clocks/mem_clock"),
        graphics_max_mhz=_whole(element, "max_clocks/graphics_clock"),
        memory_max_mhz=_whole(element, "max_clocks/mem_clock"),
    )


def _ecc(element: Element) -> GpuEcc | None:
    current = _switch(element, "ecc_mode/current_ecc")
    if current is None:
        return None
    errors = "ecc_errors/volatile"
    corrected = ("sram_correctable", "dram_correctable")
    uncorrected = (
        "sram_uncorrectable",
        "sram_uncorrectable_parity",
        "sram_uncorrectable_secded",
        "dram_uncorrectable",
    )
    return GpuEcc(
        is_enabled=current,
        is_enabled_after_reboot=_switch(element, "ecc_mode/pending_ecc"),
        corrected_errors=_sum(element, [f"{errors}/{name}" for name in corrected]),
        uncorrected_errors=_sum(element, [f"{errors}/{name}" for name in uncorrected]),
    )


def _mig(element: Element) -> GpuMig | None:
    current = _switch(element, "mig_mode/current_mig")
    if current is None:
        return None
    found = element.findall("mig_devices/mig_device")
    return GpuMig(
        is_enabled=current,
        is_enabled_after_reset=_switch(element, "mig_mode/pending_mig"),
        instances=[_instance(part) for part in found],
    )


def _instance(element: Element) -> MigInstance:
    total = _mib(element, "fb_memory_usage/total")
    return MigInstance(
        index=_whole(element, "index") or 0,
        uuid=_text(element, "uuid"),
        name=_text(element, "profile_name"),
        gpu_instance=_whole(element, "gpu_instance_id"),
        compute_instance=_whole(element, "compute_instance_id"),
        memory_total_bytes=total,
        memory_used_bytes=_used(element, "fb_memory_usage", total),
        memory_free_bytes=_mib(element, "fb_memory_usage/free"),
    )


def _pcie(element: Element) -> GpuPcie:
    link = "pci/pci_gpu_link_info"
    return GpuPcie(
        bus_id=element.get("id"),
        generation=_whole(element, f"{link}/pcie_gen/current_link_gen"),
        max_generation=_whole(element, f"{link}/pcie_gen/max_link_gen"),
        width=_whole(element, f"{link}/link_widths/current_link_width"),
        max_width=_whole(element, f"{link}/link_widths/max_link_width"),
    )


def _process(element: Element) -> GpuProcess:
    return GpuProcess(
        pid=_whole(element, "pid") or 0,
        name=_text(element, "process_name"),
        memory_used_bytes=_mib(element, "used_memory"),
        mig_gpu_instance=_whole(element, "gpu_instance_id"),
        ours=None,
    )


def _used(element: Element, place: str, total: int | None) -> int | None:
    """Return used memory, what the driver reserves for itself included, as NVML counts it."""
    free = _mib(element, f"{place}/free")
    if total is not None and free is not None:
        return total - free
    return _mib(element, f"{place}/used")


def _text(element: Element, place: str) -> str | None:
    text = (element.findtext(place) or "").strip()
    return None if not text or text.strip("[]") in ("N/A", "Not Found", "Unknown Error") else text


def _number(element: Element, place: str) -> float | None:
    """Return the figure of a text as `450.00 W`, `16x`, `41 C`."""
    found = re.match(r"-?\d+(\.\d+)?", _text(element, place) or "")
    return float(found[0]) if found else None


def _first_number(element: Element, *places: str) -> float | None:
    """Return the first figure that is there: releases of the driver moved it."""
    found = (_number(element, place) for place in places)
    return next((number for number in found if number is not None), None)


def _whole(element: Element, place: str) -> int | None:
    number = _number(element, place)
    return int(number) if number is not None else None


def _mib(element: Element, place: str) -> int | None:
    number = _whole(element, place)
    return number * _MIB if number is not None else None


def _sum(element: Element, places: list[str]) -> int | None:
    found = [number for place in places if (number := _whole(element, place)) is not None]
    return sum(found) if found else None


def _switch(element: Element, place: str) -> bool | None:
    return {"Enabled": True, "Disabled": False}.get(_text(element, place) or "")
