"""Which engine this machine can run."""

import platform
import shutil
import sys
from typing import Literal

from bootstrap.command import output

Engine = Literal["cuda", "cpu"]


def engine_for_this_machine() -> tuple[Engine | None, str]:
    """Return the engine to install, and why; None where there is none for this machine yet."""
    machine = platform.machine().lower()
    if sys.platform == "darwin":
        why = "vLLM on Apple Silicon comes in a later version; everything but models works"
        return None, why
    if sys.platform != "linux":
        return None, f"there is no vLLM for {sys.platform}; use Linux (or WSL 2)"
    if shutil.which("nvidia-smi") and (gpus := output(["nvidia-smi", "-L"])):
        return "cuda", gpus.splitlines()[0].split(" (UUID")[0]
    if machine not in ("x86_64", "amd64"):
        return None, f"the CPU engine is built for x86-64; this is {machine} without an NVIDIA GPU"
    return "cpu", "no NVIDIA GPU"
