"""The processes in which vLLM computes: which they are, and whether they still live."""

import contextlib
import os

from vllm_manager_engine.guard import descendants, parents

# vLLM names them VLLM::EngineCore, VLLM::Worker_TP0 and so on; Linux shows fifteen characters.
_NAME = "VLLM::"
# The command line of one whose name could not be set.
_SPAWNED = b"from multiprocessing.spawn import spawn_main"


def workers(engine_pid: int) -> frozenset[tuple[int, int]]:
    """Return (pid, start time) of each computing process below the engine.

    Empty where there is no /proc: there, only the engine's own word says that its core is dead.
    """
    found: set[tuple[int, int]] = set()
    for pid in descendants(engine_pid, parents()):
        name, started = _identity(pid)
        if started is not None and (name.startswith(_NAME) or _is_spawned(pid)):
            found.add((pid, started))
    return frozenset(found)


def all_alive(known: frozenset[tuple[int, int]]) -> bool:
    """Say whether every process of `known` still runs, and is the same one."""
    return all(_identity(pid)[1] == started for pid, started in known)


def _is_spawned(pid: int) -> bool:
    with contextlib.suppress(OSError), open(os.path.join("/proc", str(pid), "cmdline"), "rb") as f:
        return _SPAWNED in f.read()
    return False


def _identity(pid: int) -> tuple[str, int | None]:
    """Return the name and start time of a process; None as time where it is gone or a zombie."""
    with contextlib.suppress(OSError), open(os.path.join("/proc", str(pid), "stat"), "rb") as file:
        before, _, after = file.read().rpartition(b")")
        fields = after.split()
        if fields[0] not in (b"Z", b"X"):
            return before.partition(b"(")[2].decode("utf-8", "replace"), int(fields[19])
    return "", None
