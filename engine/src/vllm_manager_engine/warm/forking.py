"""Engine core and workers of a warm engine are forked, too, where nothing forbids it.

On GPUs vLLM forks by itself wherever it may. On CPU it asks for `spawn`, since OpenMP's threads do
not survive a fork; a warm engine has none at that point, and that is looked at each time.
"""

import multiprocessing
import os
import sys
import threading
import time
from typing import Any

from vllm_manager_engine.warm import pristine

_ASKING = "vllm.utils.system_utils"
# ZeroMQ's own threads: vLLM forks beside them on GPUs; the child makes a context of its own.
_KNOWN = ("ZMQbg/",)
_NAMING_SECONDS = 0.5


def prefer() -> None:
    """Answer vLLM's question for a way to start processes with `fork` where that is safe."""
    asked = multiprocessing.get_context

    def get_context(method: str | None = None) -> Any:
        caller = sys._getframe(1).f_globals.get("__name__")  # pyright: ignore[reportPrivateUsage]
        forked = method == "spawn" and caller == _ASKING and is_safe()
        return asked("fork" if forked else method)

    replaced: Any = multiprocessing
    replaced.get_context = get_context


def is_safe() -> bool:
    """Say whether this process, as it is now, may be forked instead of started anew."""
    if os.environ.get("VLLM_CPU_OMP_THREADS_BIND") != "nobind" or not _is_cpu():
        return False  # a binding is read when OpenMP is loaded
    deadline = time.monotonic() + _NAMING_SECONDS
    while _has_foreign_thread():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)  # a thread that was just started has not taken its name yet
    return True


def _is_cpu() -> bool:
    platforms: Any = sys.modules.get("vllm.platforms")
    return platforms is not None and bool(platforms.current_platform.is_cpu())


def _has_foreign_thread() -> bool:
    """Say whether a thread runs that neither Python nor a library known to be harmless started."""
    # In a forked process, `threading` goes by the main thread's old number.
    python = {os.getpid(), *(thread.native_id for thread in threading.enumerate())}
    others = [name for task, name in pristine.threads().items() if task not in python]
    return any(not name.startswith(_KNOWN) for name in others)
