"""What vLLM loads of us into each of its processes, through its own plugin mechanism.

Its workers on CPU read requests from a shared-memory queue, and spin on it for a second after each
read. A health probe every 1.5 s would so keep most of a core busy for an idle model. On GPUs the
spin stays as vLLM's authors chose it.

What it logs of requests is kept within bounds, see `request_lines`.
"""

import importlib
from typing import Any

from vllm_manager_engine import request_lines

_SPIN_SECONDS = 0.02
_KNOWN_DEFAULTS = (1,)


def register() -> None:
    """Do both. Called by vLLM (`vllm.general_plugins`); an unknown vLLM's spin is left alone."""
    request_lines.install()
    platforms: Any = importlib.import_module("vllm.platforms")
    if platforms.current_platform.is_cpu():
        queue = importlib.import_module("vllm.distributed.device_communicators.shm_broadcast")
        shorten_spin(queue)


def shorten_spin(queue: Any) -> bool:
    """Set how long a reader of `queue`'s messages spins; returns whether it could be done."""
    start = getattr(getattr(queue, "SpinCondition", None), "__init__", None)
    if getattr(start, "__defaults__", None) != _KNOWN_DEFAULTS:
        return False
    start.__defaults__ = (_SPIN_SECONDS,)  # pyright: ignore[reportOptionalMemberAccess]
    return True
