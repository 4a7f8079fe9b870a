"""What an end itself tells: the kernel's killer, a signal, a damaged file, an exit."""

import signal as signals
from typing import Final

from vllm_manager_engine.failures.case import Case
from vllm_manager_engine.failures.failure import Failure
from vllm_manager_engine.failures.memory import size_bytes
from vllm_manager_engine.failures.model_facts import Damage
from vllm_manager_engine.failures.rule import MIB, gib, setting

_OURS: Final = ("VLLM", "python", "ray::", "pt_main_thread")
_MEND: Final = "Download the model again, or verify it in the library."


def killed_for_memory(case: Case) -> Failure | None:
    """Return that the kernel killed the engine for memory, where that is proved.

    The count is of the whole control group: where the engine ended by itself, the kill may have
    been of a neighbour, so what its lines tell for certain goes first (`failures.explain`).
    """
    host = case.host
    named = host.kill_line is not None and any(f"({name}" in host.kill_line for name in _OURS)
    # The group's own count is told for any kill in it; the kernel's words may be of another engine.
    proved = host.group_oom_kills > 0 if host.group_oom_kills is not None else named
    if not proved or not (host.group_oom_kills or was_killed(case)):
        return None
    limit, total = host.memory_limit_bytes, host.memory_total_bytes
    bound = f" Its control group may use {gib(limit)}." if limit else ""
    if not limit and total:
        bound = f" The machine has {gib(total)}."
    proof = host.kill_line or (
        f"oom_kill rose by {host.group_oom_kills} in the engine's control group"
    )
    detail = (
        f"The host's out-of-memory killer ended the engine while it was {case.phase or 'running'}."
        f"{bound} Give it more memory, set a smaller kv_cache_memory_bytes, or stop what else "
        f"holds "
        "memory."
    )
    return Failure("host_out_of_memory", detail, proof, suggestion=_smaller_cache(case))


def _smaller_cache(case: Case) -> dict[str, object] | None:
    asked = size_bytes(case.asked.arguments.get("kv_cache_memory_bytes"))
    if asked is None or case.asked.gpus:
        return None
    return setting("kv_cache_memory_bytes", f"{max(64, asked // MIB // 2)}M")


def was_killed(case: Case) -> bool:
    """Whether the engine, or a process of its, was ended by force."""
    return (
        case.signal == signals.SIGKILL
        or case.core_died
        or case.said("died unexpectedly") is not None
    )


def damaged(damage: Damage | None) -> Failure | None:
    """Return that a file of the model is damaged, where it was found so."""
    if damage is None:
        return None
    detail = f"The model's file {damage.file} is damaged: {damage.why}. {_MEND}"
    return Failure(damage.code, detail, f"{damage.file}: {damage.why}")


def by_signal(case: Case) -> Failure | None:
    """Return what the signal that ended the engine means, or None."""
    if case.signal is None:
        return None
    if case.signal == signals.SIGKILL:
        return Failure("was_killed", f"The engine was killed (signal 9). {_who(case)}")
    if case.signal in (signals.SIGTERM, signals.SIGINT, signals.SIGHUP):
        return _stopped(f"signal {case.signal}")
    name = signals.Signals(case.signal).name if case.signal in set(signals.Signals) else ""
    if case.signal == signals.SIGILL:
        detail = (
            "The processor lacks instructions that this engine was built with (SIGILL). Use a "
            "newer "
            "machine, or an engine that was built for this one."
        )
        return Failure("cpu_unsupported", detail)
    if case.signal == signals.SIGBUS:
        detail = (
            "The engine crashed on shared memory or a mapped file (SIGBUS): /dev/shm is too small."
        )
        return Failure("shared_memory_full", detail)
    if case.signal in (signals.SIGXFSZ, signals.SIGXCPU):
        return Failure(
            "limit_reached", f"The engine hit a limit of its user ({name}); see `ulimit -a`."
        )
    detail = (
        f"The engine crashed (signal {case.signal}, {name}). Its last lines say where; with the "
        f"same "
        "crash again, choose another version of the engine or other settings."
    )
    return Failure("engine_crashed", detail)


def _who(case: Case) -> str:
    kills = case.host.host_oom_kills
    if kills:
        return (
            f"The kernel's out-of-memory killer ended {kills} processes on this machine "
            f"meanwhile, so "
            "most likely memory ran out: free some, or set a smaller KV cache."
        )
    if kills == 0:
        return (
            "It was not the kernel's out-of-memory killer, whose count did not rise: somebody, or "
            "another service, killed it."
        )
    return (
        "Where nobody did it by hand, the host ran out of memory: lower the model's size or the KV "
        "cache, or free memory."
    )


def _stopped(how: str) -> Failure:
    detail = f"The engine was told to end from outside ({how}), not by us. Start it again."
    return Failure("stopped_from_outside", detail)


def core_killed(case: Case, evidence: str | None = None) -> Failure:
    """Return that the computing process died without a word."""
    detail = f"The engine's computing process was killed, or crashed, without a word. {_who(case)}"
    return Failure("core_killed", detail, evidence)


def unrecognised(case: Case, evidence: str | None, tail: str | None) -> Failure:
    """Return what is left to say: that no rule knows it, and the last lines."""
    said_goodbye = case.said("Application shutdown complete") is not None
    if case.exit_code == 0 and said_goodbye:
        return _stopped("its server shut down in an orderly way")
    if case.exit_code is None:
        detail = (
            "The engine and its guard are gone without a word, as when the guard itself was "
            "killed. "
            "Start it again."
        )
        return Failure("guard_lost", detail, evidence)
    detail = (
        f"The engine ended with code {case.exit_code}, and no known cause fits its last lines. "
        f"Read "
        "them below; please report them, so that the next one is told the cause."
    )
    return Failure("engine_exited", detail, evidence, tail=tail)
