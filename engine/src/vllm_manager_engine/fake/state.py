"""What the fake engine counts, and its `/metrics` in vLLM's names."""

from dataclasses import dataclass, field

_LABELS = '{engine="0",model_name="%s"}'


@dataclass(slots=True)
class Counters:
    """Everything that `/metrics` shows. Times are in seconds."""

    running: int = 0
    requests: int = 0
    succeeded: int = 0
    aborted: int = 0
    prompt_tokens: int = 0
    generation_tokens: int = 0
    latency: float = 0.0
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
            "vllm:e2e_request_latency_seconds_sum": self.latency,
            "vllm:e2e_request_latency_seconds_count": self.succeeded,
            "fake:requests_total": self.requests,
            "fake:requests_aborted_total": self.aborted,
            "fake:last_aborted_at_seconds": self.aborted_at[-1] if self.aborted_at else 0.0,
        }
        labels = _LABELS % model
        return "".join(f"{name}{labels} {float(value)!r}\n" for name, value in values.items())

    def abort(self, at: float) -> None:
        self.aborted += 1
        self.aborted_at[:] = [*self.aborted_at[-99:], at]
