"""What the fake engine counts, and its `/metrics` in vLLM's names."""

from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import accumulate
from math import inf

HISTOGRAMS = (
    "time_to_first_token_seconds",
    "inter_token_latency_seconds",
    "e2e_request_latency_seconds",
    "request_queue_time_seconds",
    "request_prefill_time_seconds",
    "request_decode_time_seconds",
)
_BOUNDS = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, inf)
_LABELS = '{engine="0",model_name="%s"}'


@dataclass(slots=True)
class Histogram:
    """Times by bucket."""

    counts: list[int] = field(default_factory=lambda: [0] * len(_BOUNDS))
    total: float = 0.0

    def add(self, seconds: float, times: int = 1) -> None:
        self.counts[bisect_left(_BOUNDS, seconds)] += times
        self.total += seconds * times

    def lines(self, name: str, model: str) -> list[str]:
        """Return it as Prometheus text."""
        rest = f'model_name="{model}"'
        buckets = [
            f'{name}_bucket{{engine="0",le="{"+Inf" if bound == inf else bound}",{rest}}} '
            f"{float(count)!r}\n"
            for bound, count in zip(_BOUNDS, accumulate(self.counts), strict=True)
        ]
        labels = f'{{engine="0",{rest}}}'
        count = float(sum(self.counts))
        return [
            *buckets,
            f"{name}_count{labels} {count!r}\n",
            f"{name}_sum{labels} {self.total!r}\n",
        ]


@dataclass(slots=True)
class Counters:
    """Everything that `/metrics` shows. Times are in seconds."""

    running: int = 0
    requests: int = 0
    succeeded: int = 0
    aborted: int = 0
    prompt_tokens: int = 0
    generation_tokens: int = 0
    histograms: dict[str, Histogram] = field(
        default_factory=lambda: {name: Histogram() for name in HISTOGRAMS}
    )
    # When the connections of the last aborted requests were lost, by the wall clock.
    aborted_at: list[float] = field(default_factory=list[float])

    def as_text(self, model: str) -> str:
        """Return the Prometheus text."""
        values = {
            "vllm:num_requests_running": self.running,
            "vllm:num_requests_waiting": 0,
            "vllm:kv_cache_usage_perc": min(1.0, self.running / 256),
            "vllm:prompt_tokens_total": self.prompt_tokens,
            "vllm:generation_tokens_total": self.generation_tokens,
            "vllm:num_preemptions_total": 0,
            "vllm:prefix_cache_queries_total": self.prompt_tokens,
            "vllm:prefix_cache_hits_total": 0,
            "vllm:request_success_total": self.succeeded,
            "fake:requests_total": self.requests,
            "fake:requests_aborted_total": self.aborted,
            "fake:last_aborted_at_seconds": self.aborted_at[-1] if self.aborted_at else 0.0,
        }
        labels = _LABELS % model
        lines = [f"{name}{labels} {float(value)!r}\n" for name, value in values.items()]
        for name, histogram in self.histograms.items():
            lines += histogram.lines(f"vllm:{name}", model)
        return "".join(lines)

    def took(self, seconds: float, first_token_seconds: float, tokens: int) -> None:
        """Count the times of a request that was answered; it did not wait for others."""
        first = min(seconds, first_token_seconds)
        self.histograms["time_to_first_token_seconds"].add(first)
        self.histograms["request_queue_time_seconds"].add(0.0)
        self.histograms["request_prefill_time_seconds"].add(first)
        self.histograms["request_decode_time_seconds"].add(seconds - first)
        self.histograms["e2e_request_latency_seconds"].add(seconds)
        if tokens > 1:
            each = (seconds - first) / (tokens - 1)
            self.histograms["inter_token_latency_seconds"].add(each, tokens - 1)

    def abort(self, at: float) -> None:
        self.aborted += 1
        self.aborted_at[:] = [*self.aborted_at[-99:], at]
