"""Whose the processes on a GPU are: an engine's own, or a stranger's."""

from collections.abc import Sequence

import psutil

from vllm_manager.hardware.schemas import Gpu


def mark_ours(gpus: Sequence[Gpu], engine_pids: frozenset[int]) -> list[Gpu]:
    """Return the GPUs with `ours` told for each process: an engine's process or a child of one."""
    return [
        gpu.model_copy(
            update={
                "processes": [
                    process.model_copy(update={"ours": is_ours(process.pid, engine_pids)})
                    for process in gpu.processes
                ]
            }
        )
        if gpu.processes
        else gpu
        for gpu in gpus
    ]


def is_ours(pid: int, engine_pids: frozenset[int]) -> bool | None:
    """Whether `pid` is, or descends from, one of the engines' processes; None if it isn't seen.

    In a container the driver may name pids of the host, which mean nothing here.
    """
    if pid in engine_pids:
        return True
    try:
        ancestors = psutil.Process(pid).parents()
    except psutil.NoSuchProcess:
        return None
    except psutil.AccessDenied:
        return False  # ours run as this user
    return any(ancestor.pid in engine_pids for ancestor in ancestors)
