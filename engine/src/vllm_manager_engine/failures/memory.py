"""Memory that is not there: for the KV cache, the weights, the graphs, or anything at all."""

import math
from collections.abc import Mapping
from typing import Final

from vllm_manager_engine.failures.case import Case
from vllm_manager_engine.failures.rule import (
    GIB,
    MIB,
    Groups,
    Rule,
    Suggestion,
    gib,
    grouped,
    rule,
    setting,
)  # fmt: skip

_SHARE_FOR_CACHE: Final = 0.75
_ROUND_TOKENS: Final = 16
_STEP_MIB: Final = 64


def _context(groups: Groups, case: Case) -> list[Suggestion]:
    """Offer the largest context that fits, and the cache that the asked one needs."""
    best = _rounded(groups.get("best"))
    found = [setting("max_model_len", best)] if best else []
    need = groups.get("need")
    if need and (not case.asked.gpus or "kv_cache_memory_bytes" in case.asked.arguments):
        mib = max(1, math.ceil(float(need) * 1024 * 1.05 / _STEP_MIB)) * _STEP_MIB
        if _has_room(mib, case):
            found.append(setting("kv_cache_memory_bytes", f"{mib}M"))
    return found


def _has_room(mib: int, case: Case) -> bool:
    limit = case.host.memory_limit_bytes or case.host.memory_total_bytes
    return case.asked.gpus > 0 or limit is None or mib * MIB < limit * _SHARE_FOR_CACHE


def _rounded(text: str | None) -> int | None:
    """Return whole blocks of tokens; a length shorter than one block is told as it is."""
    if not text or int(text) <= 0:
        return None
    return int(text) // _ROUND_TOKENS * _ROUND_TOKENS or int(text)


def _context_values(groups: Groups, _case: Case) -> Mapping[str, str]:
    best = _rounded(groups.get("best"))
    fits = f" The largest context that fits is {grouped(best)} tokens." if best else ""
    sizes = {name: _told_gib(groups.get(name) or "0") for name in ("need", "have")}
    return {"tokens": grouped(groups["asked"] or 0), "fits": fits, **sizes}


def _told_gib(number: str) -> str:
    """Return a size as the engine tells it, to 0.01 GiB."""
    return f"{number} GiB" if float(number) else "less than 0.01 GiB"


def _cache_in(groups: Groups, _case: Case) -> list[Suggestion]:
    mib = int(float(groups["room"] or 0) * 1024 * _SHARE_FOR_CACHE)  # a part is for the work
    return [setting("kv_cache_memory_bytes", f"{mib}M")] if mib else []


def _smaller_share(groups: Groups, _case: Case) -> list[Suggestion]:
    have, whole = float(groups["have"] or 0), float(groups["all"] or 0)
    share = math.floor(100 * have / whole) / 100 if whole else 0
    return [setting("gpu_memory_utilization", share)] if share > 0 else []


def _less_cache(_groups: Groups, case: Case) -> list[Suggestion]:
    """Without a GPU: offer half of the cache that was asked for, else a small one."""
    if case.asked.gpus:
        return []
    asked = size_bytes(case.asked.arguments.get("kv_cache_memory_bytes"))
    mib = max(_STEP_MIB, (asked or GIB) // MIB // 2)
    return [setting("kv_cache_memory_bytes", f"{mib}M")]


def size_bytes(text: str | None) -> int | None:
    """Return what `2G`, `512MiB` or `1048576` means, in bytes."""
    if not text:
        return None
    units = {"k": 1000, "m": 1000**2, "g": 1000**3, "K": 1024, "M": 1024**2, "G": 1024**3}
    number = text.rstrip("iB").rstrip("kKmMgG")
    unit = text[len(number) : len(number) + 1]
    try:
        return int(float(number) * units.get(unit, 1))
    except ValueError:
        return None


def _while_loading(case: Case, at: int) -> bool:
    """Whether the weights were being read, so that it is they that don't fit."""
    began, ended = case.said("Starting to load model"), case.said("Model loading took")
    return began is not None and began <= at and (ended is None or at < ended)


def _while_capturing(case: Case, at: int) -> bool:
    began = next(
        (n for n, x in enumerate(case.lines[:at]) if "apturing CUDA graph" in x.text), None
    )
    return began is not None and case.said("Graph capturing finished") is None


def _more_gpus(_groups: Groups, case: Case) -> list[Suggestion]:
    heads, now = case.asked.heads, case.asked.tensor_parallel_size
    fits = heads is None or heads % (now * 2) == 0
    return [setting("tensor_parallel_size", now * 2)] if case.asked.gpus and fits else []


def _eager(_groups: Groups, _case: Case) -> list[Suggestion]:
    return [setting("enforce_eager", True)]


def _fewer_requests(groups: Groups, _case: Case) -> list[Suggestion]:
    count = int(groups["count"] or 0)
    return [setting("max_num_seqs", max(1, count // 2))] if count > 1 else []


def _shorter(_groups: Groups, case: Case) -> list[Suggestion]:
    length = case.asked.number("max_model_len")
    return [setting("max_model_len", length // 2)] if length and length > 1024 else []


def _oom_values(groups: Groups, case: Case) -> Mapping[str, str]:
    other = groups.get("other")
    foreign = f" Process {groups.get('pid')} holds {other} of it." if other else ""
    total = groups.get("total")
    whole = f" The GPU has {total}, of which {groups.get('free')} were free." if total else ""
    weights = f" The weights take {gib(case.weights_bytes)}." if case.weights_bytes else ""
    return {"where": whole + foreign, "weights": weights}


_ALLOCATE: Final = (
    r"CUDA out of memory\.? Tried to allocate (?P<need>[\d.]+ [KMG]iB)"
    r"(?:.*?total capacity of (?P<total>[\d.]+ [KMG]iB) of which (?P<free>[\d.]+ [KMG]iB) is free)?"
    r"(?:.*?Process (?P<pid>\d+) has (?P<other>[\d.]+ [KMG]iB) memory in use)?"
)

RULES: Final[tuple[Rule, ...]] = (
    rule(
        "kv_cache_too_small",
        r"max seq len \((?P<asked>\d+)\).*?\((?P<need>[\d.]+) GiB KV cache is needed.*?"
        r"available KV cache memory \((?P<have>[\d.]+) GiB\)"
        r"(?:.*?estimated maximum model length is (?P<best>\d+))?",
        "One request of {tokens} tokens needs {need} of KV cache, and {have} are there."
        "{fits} Lower max_model_len, or give the cache more memory.",
        suggest=_context,
        values=_context_values,
    ),
    rule(
        "kv_cache_too_small",
        r"No available memory for the cache blocks|not enough GPU memory available to serve even",
        "After loading the model no memory was left for the KV cache.{weights} Raise "
        "gpu_memory_utilization, choose a smaller or quantized model, or use more GPUs.",
        suggest=_more_gpus,
        values=_oom_values,
    ),
    rule(
        "gpu_memory_taken",
        r"Free memory on device .*?\((?P<have>[\d.]+)/(?P<all>[\d.]+) GiB\).*?less than (?:desired "
        r"GPU memory utilization|the engine's budget).*?\((?P<asked>[\d.]+),? (?P<need>[\d.]+) GiB",
        "The GPU has {have} of {all} GiB free, and {need} GiB were asked for "
        "(gpu_memory_utilization {asked}). Another process holds the rest: stop it, or lower "
        "gpu_memory_utilization.",
        suggest=_smaller_share,
    ),
    rule(
        "out_of_memory",
        r"Available memory on node .*?\((?P<room>[\d.]+)/(?P<all>[\d.]+) GiB\) on kv cache "
        r"allocation is less than requested memory for kv \((?P<need>[\d.]+)",
        "With the model loaded, {room} of the machine's {all} GiB are free, and the KV cache was "
        "to take {need} GiB. Set a smaller kv_cache_memory_bytes, or stop what holds the memory.",
        suggest=_cache_in,
    ),
    rule(
        "out_of_memory",
        r"Available memory on node .*?\((?P<have>[\d.]+)/(?P<all>[\d.]+) GiB\).*?less than desired "
        r"CPU memory utilization \((?P<asked>[\d.]+), (?P<need>[\d.]+) GiB",
        "The machine has {have} of {all} GiB free, and the engine was to take {need} GiB. Set "
        "kv_cache_memory_bytes, or stop what holds the memory.",
        suggest=_less_cache,
    ),
    rule(
        "graphs_out_of_memory",
        _ALLOCATE,
        "The GPU's memory ran out while CUDA graphs were recorded ({need} more were asked for)."
        "{where} Do without graphs (enforce_eager), or lower max_num_seqs or "
        "gpu_memory_utilization.",
        suggest=_eager,
        values=_oom_values,
        applies=_while_capturing,
    ),
    rule(
        "weights_too_large",
        _ALLOCATE,
        "The weights do not fit on the GPU: its memory ran out while they were loaded ({need} more "
        "were asked for).{where} Choose a smaller or quantized model, or use more GPUs.",
        suggest=_more_gpus,
        values=_oom_values,
        applies=_while_loading,
    ),
    rule(
        "warm_up_out_of_memory",
        r"CUDA out of memory occurred when warming up (?P<what>\w+).*? with (?P<count>\d+) dummy",
        "The GPU's memory ran out while {count} requests at once were tried ({what}). Lower "
        "max_num_seqs or gpu_memory_utilization.",
        suggest=_fewer_requests,
    ),
    rule(
        "memory_changed",
        r"Error in memory profiling\. Initial free memory (?P<before>[\d.]+) GiB, current free "
        r"memory (?P<after>[\d.]+) GiB",
        "Another process gave back GPU memory while the engine measured it ({before} GiB free "
        "before, {after} GiB after). Another start measures anew.",
    ),
    rule(
        "out_of_memory",
        _ALLOCATE,
        "The GPU's memory ran out while {need} more were asked for.{where}{weights} Lower "
        "max_model_len or max_num_seqs, choose a smaller or quantized model, or use more GPUs.",
        suggest=_shorter,
        values=_oom_values,
        standing="general",
    ),
    rule(
        "out_of_memory",
        r"CUDA out of memory|OutOfMemoryError",
        "Memory ran out. Lower max_model_len, max_num_seqs or the KV cache, choose a smaller "
        "model, or stop what else holds memory.",
        suggest=_shorter,
        standing="general",
    ),
    rule(
        "out_of_memory",
        r"DefaultCPUAllocator: can't allocate memory: you tried to allocate (?P<bytes>\d+) bytes",
        "The system refused the engine {size} of memory. Set a smaller kv_cache_memory_bytes, "
        "choose a smaller model, or stop what else holds memory.",
        suggest=_less_cache,
        values=lambda groups, _case: {"size": gib(int(groups["bytes"] or 0))},
    ),
    rule(
        "out_of_memory",
        r"^MemoryError\b|std::bad_alloc|(?<!File )Cannot allocate memory|"
        r"failed to map segment from shared object|unable to mmap \d+ bytes|"
        r"memory allocation of \d+ bytes failed",
        "The system refused the engine memory that it asked for: the machine, or the limit that "
        "the process runs under (`ulimit -v`), has no more. Set a smaller kv_cache_memory_bytes, "
        "choose a smaller model, or stop what else holds memory.",
        suggest=_less_cache,
        standing="general",
    ),
)
