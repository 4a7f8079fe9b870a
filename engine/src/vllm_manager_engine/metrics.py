"""The engine's own metrics (Prometheus text, vLLM's names) as the figures of a report."""

import re
from collections.abc import Mapping

Figures = dict[str, float | int | None]

_SAMPLE = re.compile(r"^(vllm:\w+)(?:\{.*\})? (\S+)$", re.MULTILINE)
_SOURCES = {
    "requests_running": "vllm:num_requests_running",
    "requests_waiting": "vllm:num_requests_waiting",
    "kv_cache_usage_ratio": "vllm:kv_cache_usage_perc",
    "prompt_tokens_total": "vllm:prompt_tokens_total",
    "generation_tokens_total": "vllm:generation_tokens_total",
    "preemptions_total": "vllm:num_preemptions_total",
    "prefix_cache_queries_total": "vllm:prefix_cache_queries_total",
    "prefix_cache_hits_total": "vllm:prefix_cache_hits_total",
}
_RATIOS = {"kv_cache_usage_ratio"}


def figures(text: str) -> Figures:
    """Return the report's figures; None for what `text` does not have.

    Several engines in one process (data parallelism) are added up; of ratios the largest counts.
    """
    samples: dict[str, list[float]] = {}
    for name, value in _SAMPLE.findall(text):
        samples.setdefault(name, []).append(float(value))
    found: Figures = {}
    for figure, source in _SOURCES.items():
        values = samples.get(source)
        if figure in _RATIOS:
            found[figure] = max(values) if values else None
        else:
            found[figure] = int(sum(values)) if values else None
    return found


def without(found: Figures, probed: Mapping[str, int]) -> Figures:
    """Return `found` less what probes added to its counters."""
    return {
        name: value if value is None or name not in probed else max(0, value - probed[name])
        for name, value in found.items()
    }


def is_busy(found: Figures) -> bool:
    """Say whether requests run or wait."""
    return bool(found["requests_running"]) or bool(found["requests_waiting"])


def life_sign(text: str) -> int:
    """Return a number that changes whenever the engine core does anything.

    Counters move with tokens; during a long prefill the share of KV cache in use moves.
    """
    return hash("\n".join(line for line in text.splitlines() if line.startswith("vllm:")))
