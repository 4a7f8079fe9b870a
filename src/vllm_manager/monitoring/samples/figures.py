"""What is measured: every figure once, under the name that queries, charts and Prometheus use."""

from typing import Final, Literal, NamedTuple

Kind = Literal["gauge", "counter", "histogram"]
Unit = Literal["bytes", "seconds", "ratio", "celsius", "watts", "count"]
Together = Literal["sum", "mean", "highest"]
Labels = tuple[tuple[str, str], ...]
"""Names and values, in the order of the figure's own labels."""


class Figure(NamedTuple):
    """One thing that is measured. The name ends with its unit (`_bytes`, `_seconds`, `_ratio`)."""

    name: str
    kind: Kind
    about: str
    labels: tuple[str, ...]
    """Bounded by what is deployed and built in; never what a client sent.

    A sample may lack some."""

    @property
    def unit(self) -> Unit:
        """What a value is measured in; of a counter, what is counted."""
        stem = self.name.removesuffix("_total")
        for unit in _UNITS:
            if stem.endswith(f"_{unit}"):
                return unit
        return "count"

    @property
    def together(self) -> Together:
        """What several series of this figure are as one: 64 GPUs hold the sum of their memory."""
        if self.name in _SWITCHES:
            return "highest"
        return "mean" if self.unit in ("ratio", "celsius") else "sum"


_UNITS: Final[tuple[Unit, ...]] = ("bytes", "seconds", "ratio", "celsius", "watts")
_SWITCHES: Final = frozenset({"gpu_up", "gpu_throttled"})

_NODE = ("node",)
_GPU = ("node", "gpu")
PROCESS: Final = ("node", "process", "deployment", "replica")
"""Of figures of processes; those that are no replica's lack the last two."""
_REPLICA = ("deployment", "replica")

FIGURES: Final[tuple[Figure, ...]] = (
    Figure("node_cpu_ratio", "gauge", "Share of the machine's processors in use.", _NODE),
    Figure("node_memory_used_bytes", "gauge", "Memory in use.", _NODE),
    Figure("node_memory_total_bytes", "gauge", "Memory that can be used.", _NODE),
    Figure("node_disk_free_bytes", "gauge", "Free space.", ("node", "purpose")),
    Figure("node_disk_total_bytes", "gauge", "Size of the file system.", ("node", "purpose")),
    Figure("node_disk_read_bytes_total", "counter", "Read from disks.", _NODE),
    Figure("node_disk_written_bytes_total", "counter", "Written to disks.", _NODE),
    Figure("node_network_received_bytes_total", "counter", "Received, without loopback.", _NODE),
    Figure("node_network_sent_bytes_total", "counter", "Sent, without loopback.", _NODE),
    Figure("gpu_up", "gauge", "1 while the GPU answers, else 0.", _GPU),
    Figure("gpu_utilization_ratio", "gauge", "Share of time in which a kernel ran.", _GPU),
    Figure("gpu_memory_used_bytes", "gauge", "By every process, and the driver's own.", _GPU),
    Figure("gpu_memory_total_bytes", "gauge", "Built in.", _GPU),
    Figure("gpu_temperature_celsius", "gauge", "Of the chip.", _GPU),
    Figure("gpu_power_watts", "gauge", "Power drawn.", _GPU),
    Figure("gpu_power_limit_watts", "gauge", "The most it may draw.", _GPU),
    Figure("gpu_throttled", "gauge", "1 while heat or power slows it down, else 0.", _GPU),
    Figure("gpu_ecc_uncorrected_total", "counter", "Memory errors that were not mended.", _GPU),
    Figure("process_anonymous_bytes", "gauge", "Memory of its own (RssAnon).", PROCESS),
    Figure("process_open_descriptors", "gauge", "Open files and sockets.", PROCESS),
    Figure("process_threads", "gauge", "Threads.", PROCESS),
    Figure("process_cpu_seconds_total", "counter", "Processor time.", PROCESS),
    Figure("engine_requests_running", "gauge", "Requests that the engine works on.", _REPLICA),
    Figure("engine_requests_waiting", "gauge", "Requests that wait in the engine.", _REPLICA),
    Figure("engine_kv_cache_usage_ratio", "gauge", "Share of the KV cache in use.", _REPLICA),
    Figure("engine_prompt_tokens_total", "counter", "Prompt tokens computed.", _REPLICA),
    Figure("engine_generation_tokens_total", "counter", "Tokens generated.", _REPLICA),
    Figure("engine_preemptions_total", "counter", "Requests put back for lack of room.", _REPLICA),
    Figure("engine_prefix_cache_queries_total", "counter", "Tokens looked up.", _REPLICA),
    Figure("engine_prefix_cache_hits_total", "counter", "Tokens found.", _REPLICA),
    Figure("engine_ttft_seconds", "histogram", "Time to first token.", _REPLICA),
    Figure("engine_inter_token_seconds", "histogram", "Time from token to token.", _REPLICA),
    Figure("engine_request_seconds", "histogram", "Length of a request.", _REPLICA),
    Figure("engine_queue_seconds", "histogram", "Time in the engine's queue.", _REPLICA),
    Figure("engine_prefill_seconds", "histogram", "Time in prefill.", _REPLICA),
    Figure("engine_decode_seconds", "histogram", "Time in decode.", _REPLICA),
    Figure(
        "gateway_requests_total",
        "counter",
        "Requests answered, by class of status (2xx, 4xx, 5xx, client_left, cancelled).",
        ("deployment", "status"),
    ),
    Figure("gateway_request_seconds", "histogram", "Length of a request.", ("deployment",)),
    Figure(
        "gateway_ttft_seconds", "histogram", "Time to the first token of a stream.", ("deployment",)
    ),
    Figure("gateway_requests_under_way", "gauge", "Requests under way.", ("deployment",)),
    Figure("gateway_requests_queued", "gauge", "Requests that wait here.", ("deployment",)),
    Figure(
        "gateway_tokens_total",
        "counter",
        "Tokens in and out, by kind of key (user, service, session).",
        ("deployment", "direction", "key_class"),
    ),
)
"""In the order in which they are shown. Add one here, and a collector that yields it."""

LABELS: Final = tuple(dict.fromkeys(label for figure in FIGURES for label in figure.labels))
"""Every label of any figure."""

BY_NAME: Final = {figure.name: figure for figure in FIGURES}
