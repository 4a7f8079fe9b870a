"""The probes of a Mac: Apple Silicon with its unified memory, and Intel."""

import json
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from vllm_manager.hardware.cpu import instruction_sets
from vllm_manager.hardware.probe import GpusFound, HostFound, ProbeFailure
from vllm_manager.hardware.schemas import Cpu, Gpu, Host, Memory, ProbeProblem
from vllm_manager.hardware.tools import run_tool

Run = Callable[[Sequence[str]], str]
Named = Mapping[str, str]
T = TypeVar("T")

SYSCTL = ("sysctl", "hw", "machdep.cpu", "kern.osproductversion", "kern.osrelease", "vm.swapusage")
GPU_LIMIT = ("sysctl", "-i", "iogpu.wired_limit_mb")
VM_STAT = ("vm_stat",)
PROFILER = ("system_profiler", "-json", "SPHardwareDataType", "SPDisplaysDataType")
_MIB = 1024**2
_NEON = {"hw.optional.arm.AdvSIMD": "neon", "hw.optional.neon": "neon"}
_FEATURES = {
    "hw.optional.arm.FEAT_FP16": "fp16",
    "hw.optional.arm.FEAT_BF16": "bf16",
    "hw.optional.arm.FEAT_I8MM": "i8mm",
    "hw.optional.arm.FEAT_DotProd": "dotprod",
    "hw.optional.arm.FEAT_SME": "sme",
    "hw.optional.arm.FEAT_SME2": "sme2",
}


def run_here(command: Sequence[str]) -> str:
    """Return what one of the system's programs writes.

    Raises:
        ProbeFailure: it fails (`tool_failed`).
    """
    return run_tool(command, "tool_failed")


class Profile:
    """What `system_profiler` says, read once: it takes a second, and a Mac's parts don't change."""

    def __init__(self, run: Run = run_here) -> None:
        self._run = run
        self._read: Mapping[str, Any] | None = None

    def sections(self) -> Mapping[str, Any]:
        """Return its sections by their names.

        Raises:
            ProbeFailure: it fails, or writes no JSON (`tool_failed`).
        """
        if self._read is None:
            try:
                self._read = json.loads(self._run(PROFILER))
            except ValueError as error:
                detail = f"What system_profiler writes can't be read: {error}"
                raise ProbeFailure("tool_failed", detail) from error
        assert self._read is not None
        return self._read

    def hardware(self) -> Named:
        """Return the first entry of the machine's own section."""
        entries: Sequence[Named] = self.sections().get("SPHardwareDataType") or ()
        return entries[0] if entries else {}

    def displays(self) -> Sequence[Named]:
        """Return the entries of its GPUs."""
        return self.sections().get("SPDisplaysDataType") or ()


class AppleHost:
    """Reads a Mac's processors and memory."""

    name = "host"

    def __init__(self, profile: Profile, run: Run = run_here) -> None:
        self._profile = profile
        self._run = run

    def read(self) -> HostFound:
        """Return the machine.

        Raises:
            ProbeFailure: `sysctl` fails (`tool_failed`).
        """
        known = sysctl(self._run(SYSCTL))
        problems: list[ProbeProblem] = []
        available = self._told(lambda: available_bytes(self._run(VM_STAT)), problems)
        profile: Named = self._told(self._profile.hardware, problems) or {}
        is_apple = known.get("hw.optional.arm64") == "1"
        host = Host(
            hostname=socket.gethostname(),
            os_name="macOS",
            os_version=known.get("kern.osproductversion"),
            kernel_version=known.get("kern.osrelease"),
            model=profile.get("machine_model") or known.get("hw.model"),
            cpu=_cpu(known, is_apple),
            memory=_memory(known, available, is_apple),
        )
        return HostFound(host, problems)

    def _told(self, read: Callable[[], T], problems: list[ProbeProblem]) -> T | None:
        """Return what `read` does, or None with the reason added to `problems`."""
        try:
            return read()
        except ProbeFailure as failure:
            problem = ProbeProblem(probe=self.name, code=failure.code, detail=failure.detail)
            problems.append(problem)
            return None


class AppleGpus:
    """Reads the GPU of an Apple chip. An Intel Mac's GPUs run no engine and are left out."""

    name = "apple"

    def __init__(self, profile: Profile, run: Run = run_here) -> None:
        self._profile = profile
        self._run = run

    def read(self) -> GpusFound:
        """Return the chip's GPU.

        Raises:
            ProbeFailure: one of the system's programs fails (`tool_failed`).
        """
        ours = [d for d in self._profile.displays() if "Apple" in d.get("spdisplays_vendor", "")]
        if not ours:
            return GpusFound()
        known = sysctl(self._run(SYSCTL))
        allowed = _whole(sysctl(self._run(GPU_LIMIT)).get("iogpu.wired_limit_mb"))
        total = _whole(known.get("hw.memsize"))
        total = allowed * _MIB if allowed else total
        free = available_bytes(self._run(VM_STAT))
        free = min(free, total) if total is not None else free
        return GpusFound([_gpu(display, i, total, free) for i, display in enumerate(ours)])


def sysctl(text: str) -> Named:
    """Return the names and values that `sysctl` writes."""
    pairs = (line.partition(":") for line in text.splitlines() if ":" in line)
    return {name.strip(): value.strip() for name, _, value in pairs}


def available_bytes(vm_stat: str) -> int:
    """Return the memory that programs can take without swapping, from what `vm_stat` writes.

    Free, inactive and speculative pages, as macOS gives them out.

    Raises:
        ProbeFailure: the text holds no such figures (`tool_failed`).
    """
    page = re.search(r"page size of (\d+) bytes", vm_stat)
    pages = dict(re.findall(r"^(Pages [a-z]+):\s+(\d+)\.", vm_stat, re.MULTILINE))
    names = ("Pages free", "Pages inactive", "Pages speculative")
    if page is None or not all(name in pages for name in names):
        raise ProbeFailure("tool_failed", "What vm_stat writes names no pages of memory.")
    return int(page[1]) * sum(int(pages[name]) for name in names)


def _cpu(known: Named, is_apple: bool) -> Cpu:
    return Cpu(
        name=known.get("machdep.cpu.brand_string"),
        vendor=known.get("machdep.cpu.vendor") or ("Apple" if is_apple else None),
        architecture="arm64" if is_apple else "x86_64",
        sockets=_whole(known.get("hw.packages")),
        cores=_whole(known.get("hw.physicalcpu")),
        threads=_whole(known.get("hw.logicalcpu")),
        usable_cpus=_whole(known.get("hw.activecpu")),
        performance_cores=_whole(known.get("hw.perflevel0.physicalcpu")) if is_apple else None,
        efficiency_cores=_whole(known.get("hw.perflevel1.physicalcpu")) if is_apple else None,
        numa_nodes=None,
        instruction_sets=_features_of_arm(known) if is_apple else _features_of_intel(known),
    )


def _features_of_arm(known: Named) -> list[str]:
    names = {**_NEON, **_FEATURES}
    return list(dict.fromkeys(word for name, word in names.items() if known.get(name) == "1"))


def _features_of_intel(known: Named) -> list[str]:
    """Return the flags in Linux's spelling: `AVX512F` is `avx512f`, `AVX1.0` is `avx`."""
    listed = (
        f"{known.get('machdep.cpu.features', '')} {known.get('machdep.cpu.leaf7_features', '')}"
    )
    words = listed.lower().replace("avx1.0", "avx").replace("sse4.2", "sse4_2")
    return instruction_sets(words.split())


def _memory(known: Named, available: int | None, is_apple: bool) -> Memory:
    total = _whole(known.get("hw.memsize"))
    swap = known.get("vm.swapusage", "")
    return Memory(
        total_bytes=total,
        available_bytes=available,
        machine_total_bytes=total,
        limit_bytes=None,
        swap_total_bytes=_swap(swap, "total"),
        swap_free_bytes=_swap(swap, "free"),
        is_unified=is_apple,
    )


def _gpu(display: Named, index: int, total: int | None, free: int) -> Gpu:
    return Gpu.of(
        vendor="apple",
        index=index,
        name=display.get("sppci_model") or display.get("_name"),
        state="ok",
        memory_total_bytes=total,
        memory_used_bytes=total - free if total is not None else None,
        memory_free_bytes=free,
        is_memory_unified=True,
        cores=_whole(display.get("sppci_cores")),
    )


def _swap(text: str, name: str) -> int | None:
    """Return a figure of `total = 2048.00M  used = 1.25M  free = 2046.75M  (encrypted)`."""
    found = re.search(rf"{name} = ([\d.]+)M", text)
    return int(float(found[1]) * _MIB) if found else None


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None
