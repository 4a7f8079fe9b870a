"""What makes a model slow, by its figures (pure)."""

from collections.abc import Callable
from typing import Final

from vllm_manager.monitoring.slowness.schemas import Measured, SlowCause

_QUEUE_SHARE: Final = 0.15
_PREFILL_SHARE: Final = 0.4
_DECODE_SHARE: Final = 0.6
_SLOW_TOKEN_SECONDS: Final = 0.1
_SLOW_PREFILL_SECONDS: Final = 0.5
_FEW_HITS: Final = 0.2
_KV_FULL: Final = 0.9
_CPU_FULL: Final = 0.9
_THROTTLED: Final = 0.05


def causes_of(seen: Measured) -> list[SlowCause]:
    """Return what slows requests down, the heaviest first; empty where nothing stands out."""
    found = [cause for look in _LOOKS if (cause := look(seen)) is not None]
    return sorted(found, key=lambda cause: -cause.share)


def summary_of(seen: Measured, causes: list[SlowCause]) -> str:
    """Return the whole in a sentence."""
    if seen.request_seconds is None:
        minutes = seen.window_seconds / 60
        none = f"No request was finished in the last {minutes:g} minutes"
        return f"{none}; what stands out: {causes[0].cause}" if causes else f"{none}."
    took = f"A request takes {_time(seen.request_seconds)} on average"
    if not causes:
        return f"{took}; nothing stands out as slow."
    return f"{took}; most of all: {causes[0].cause}"


def _gateway_queue(seen: Measured) -> SlowCause | None:
    if not seen.gateway_queued or seen.gateway_queued < 1:
        return None
    total = seen.gateway_queued + (seen.running or 0) + (seen.waiting or 0)
    return SlowCause(
        kind="gateway_queue",
        share=_bounded(seen.gateway_queued / total),
        cause=f"{seen.gateway_queued:.0f} requests {_waits(seen)} before the engines, which "
        f"{'are' if seen.is_current else 'were'} full.",
        advice="Raise max_concurrent_requests if the engine has room, or add replicas.",
    )


def _engine_queue(seen: Measured) -> SlowCause | None:
    share = _share(seen.queue_seconds, seen)
    if share is None or share < _QUEUE_SHARE:
        if seen.request_seconds is not None or not seen.waiting or seen.waiting < 1:
            return None
        share = seen.waiting / (seen.waiting + (seen.running or 0))
    waits = "" if seen.waiting is None else f"; {seen.waiting:.0f} {_waits(seen)}"
    spent = "" if seen.queue_seconds is None else f" {_time(seen.queue_seconds)} each"
    return SlowCause(
        kind="engine_queue",
        share=_bounded(share),
        cause=f"Requests wait in the engine's queue{spent}, {share:.0%} of their time{waits}.",
        advice="Add replicas, or raise max_num_seqs if the KV cache has room.",
    )


def _preemption(seen: Measured) -> SlowCause | None:
    rate, requests = seen.preemptions_per_second, seen.requests_per_second
    if not rate:
        return None
    per_request = rate / requests if requests else 1.0
    if per_request < 0.01:
        return None
    return SlowCause(
        kind="preemption",
        share=_bounded(0.3 + per_request / 2),
        cause=f"Requests are put back for lack of KV cache {rate * 60:.1f} times a minute, and "
        "computed again.",
        advice="Give the KV cache more memory, or lower max_num_seqs or max_model_len.",
    )


def _kv_cache_full(seen: Measured) -> SlowCause | None:
    used = seen.kv_cache_ratio
    if used is None or used < _KV_FULL:
        return None
    return SlowCause(
        kind="kv_cache_full",
        share=_bounded(used - 0.6),
        cause=f"The KV cache {'is' if seen.is_current else 'was'} {used:.0%} full, so further "
        "requests wait.",
        advice="Give the KV cache more memory, set kv_cache_dtype to fp8, or add replicas.",
    )


def _prefill(seen: Measured) -> SlowCause | None:
    share, took = _share(seen.prefill_seconds, seen), seen.prefill_seconds
    if share is None or took is None or share < _PREFILL_SHARE or took < _SLOW_PREFILL_SECONDS:
        return None
    hits = seen.prefix_hit_ratio
    known = "" if hits is None else f"; {hits:.0%} of the prompts' tokens were known already"
    advice = "Shorten prompts, or raise max_num_batched_tokens."
    if hits is not None and hits < _FEW_HITS:
        advice = "Put what prompts share at their beginning, so that the prefix cache finds it."
    return SlowCause(
        kind="prefill",
        share=share,
        cause=f"Prompts take {_time(took)} to read, {share:.0%} of the time{known}.",
        advice=advice,
    )


def _decode(seen: Measured) -> SlowCause | None:
    share, token = _share(seen.decode_seconds, seen), seen.inter_token_seconds
    if share is None or share < _DECODE_SHARE:
        return None
    slow = token is not None and token >= _SLOW_TOKEN_SECONDS
    pace = "" if token is None else f" ({1 / token:.0f} tokens/s for each)" if token else ""
    advice = "Answers are long: ask for fewer tokens (max_tokens)."
    if slow:
        advice = (
            "Each token is slow: use a smaller or quantized model, more GPUs (tensor parallel), or "
            "speculative decoding; fewer requests at once are faster each."
        )
    return SlowCause(
        kind="decode",
        share=share if slow else share / 2,
        cause=f"Answers take {_time(seen.decode_seconds or 0)} to write{pace}, {share:.0%} of it.",
        advice=advice,
    )


def _gpu_throttled(seen: Measured) -> SlowCause | None:
    ratio = seen.gpu_throttled_ratio
    if ratio is None or ratio < _THROTTLED:
        return None
    return SlowCause(
        kind="gpu_throttled",
        share=_bounded(0.3 + ratio / 2),
        cause=f"A GPU slowed itself down for heat or power {ratio:.0%} of the time.",
        advice="Check cooling and the power limit (nvidia-smi -q -d PERFORMANCE).",
    )


def _cpu_saturated(seen: Measured) -> SlowCause | None:
    ratio = seen.node_cpu_ratio
    if ratio is None or ratio < _CPU_FULL:
        return None
    return SlowCause(
        kind="cpu_saturated",
        share=_bounded(0.35 + (ratio - _CPU_FULL) * 3),
        cause=f"The node's processors are {ratio:.0%} busy.",
        advice="Move other work off the node, or give the engine more CPUs.",
    )


_LOOKS: Final[tuple[Callable[[Measured], SlowCause | None], ...]] = (
    _gateway_queue, _engine_queue, _preemption, _kv_cache_full, _prefill, _decode,
    _gpu_throttled, _cpu_saturated,
)  # fmt: skip


def _waits(seen: Measured) -> str:
    return "wait now" if seen.is_current else "waited"


def _share(part: float | None, seen: Measured) -> float | None:
    """Return which share of a request's time a part takes."""
    whole = seen.request_seconds
    return None if part is None or not whole else _bounded(part / whole)


def _bounded(share: float) -> float:
    return max(0.0, min(1.0, share))


def _time(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
