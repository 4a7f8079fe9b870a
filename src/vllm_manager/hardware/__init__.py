"""The machine itself: processors, memory, GPUs, disks, and what of them is free."""

from vllm_manager.hardware.probe import GpusFound, HostFound, Probe, ProbeFailure
from vllm_manager.hardware.roll import GpuUse
from vllm_manager.hardware.schemas import (
    Gpu,
    GpuProcess,
    HardwareSnapshot,
    MigInstance,
    ProbeProblem,
)
from vllm_manager.hardware.service import Hardware

__all__ = [
    "Gpu",
    "GpuProcess",
    "GpuUse",
    "GpusFound",
    "Hardware",
    "HardwareSnapshot",
    "HostFound",
    "MigInstance",
    "Probe",
    "ProbeFailure",
    "ProbeProblem",
]
