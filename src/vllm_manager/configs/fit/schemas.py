"""What a question about memory, and its answer, look like to a client."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from vllm_manager.configs.recipe import ArgumentValue, LoraModule, Replicas, Resources, Strict

Verdict = Literal["fits", "tight", "does_not_fit", "unknown"]
Confidence = Literal["high", "medium", "low", "none"]
DeviceKind = Literal["gpu", "cpu"]

_GIB = 1024**3
_DEVICE: dict[str, JsonValue] = {
    "kind": "gpu",
    "index": 0,
    "name": "NVIDIA GeForce RTX 4090",
    "verdict": "fits",
    "weights_bytes": 16_060_522_496,
    "kv_cache_bytes": 4_294_967_296,
    "activations_bytes": 1_073_741_824,
    "graphs_bytes": 536_870_912,
    "overhead_bytes": 681_574_400,
    "lora_bytes": 0,
    "needed_bytes": 18_889_179_136,
    "allowed_bytes": 23_708_317_286,
    "other_processes_bytes": 524_288_000,
    "other_processes": [
        {"pid": 4720, "name": "python", "memory_used_bytes": 524_288_000, "ours": False}
    ],
    "free_bytes": 25_245_515_776,
    "total_bytes": 24 * _GIB,
}
_REPORT: dict[str, JsonValue] = {
    "model": "meta-llama/Llama-3.1-8B-Instruct",
    "revision": "main",
    "commit": "0e9e39f249a16976918f6564b8830bc894c89659",
    "verdict": "fits",
    "summary": "It fits: 17.6 of 22.1 GiB are needed for one request of 8192 tokens.",
    "confidence": "high",
    "unknowns": [],
    "devices": [_DEVICE],
    "replicas": 1,
    "kv_bytes_per_token": 131_072,
    "kv_bytes_per_request": 0,
    "kv_block_tokens": 16,
    "kv_tokens": 32_768,
    "max_model_len": 8192,
    "largest_max_model_len": 32_752,
    "max_concurrency": 4.0,
    "smallest_gpus": 1,
    "suggestions": [],
    "assumptions": ["KV cache in bfloat16, as the weights."],
}


class FitGpu(Strict):
    """GPUs that are not here, to ask whether a model would fit them."""

    count: int = Field(default=1, ge=1, le=64)
    memory_total_bytes: int = Field(ge=1024**2, le=2**50)
    memory_free_bytes: int | None = Field(
        default=None, ge=0, le=2**50, description="Null: all but what the driver keeps."
    )
    name: str | None = Field(default=None, max_length=100)


class FitRequest(Strict):
    """A model and its settings, as a deployment has them."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"model": "Qwen/Qwen3-0.6B", "arguments": {"max_model_len": 8192}}]
        },
    )

    model: str = Field(
        min_length=1,
        max_length=512,
        description="`demo`, the absolute path of a folder, `local/<name>`, or a Hugging Face id.",
    )
    revision: str | None = Field(default=None, max_length=128, description="Commit, tag or branch.")
    arguments: dict[str, ArgumentValue] = Field(default_factory=dict[str, ArgumentValue])
    environment: dict[str, str] = Field(default_factory=dict[str, str])
    resources: Resources = Field(default_factory=Resources)
    replicas: Replicas = 1
    lora_modules: list[LoraModule] = Field(default_factory=list[LoraModule], max_length=64)
    device: FitGpu | None = Field(
        default=None, description="Null: this machine as it is now, with what else runs on it."
    )


class FitProcess(BaseModel):
    """Somebody else's memory on a device."""

    pid: int
    name: str | None
    memory_used_bytes: int | None
    ours: bool | None = Field(description="A deployment of this product; null where not known.")


class FitDevice(BaseModel):
    """What one device would hold. Null is unknown, never 0."""

    model_config = ConfigDict(json_schema_extra={"examples": [_DEVICE]})

    kind: DeviceKind
    index: int | None = Field(description="Number of the GPU; null for the machine's memory.")
    name: str | None
    verdict: Verdict
    weights_bytes: int | None
    kv_cache_bytes: int | None = Field(
        description="What the engine would set aside: the rest of what it may take, or what was "
        "asked for."
    )
    activations_bytes: int | None
    graphs_bytes: int | None = Field(description="CUDA graphs; 0 where there are none.")
    overhead_bytes: int | None = Field(description="The framework's own and the driver's context.")
    lora_bytes: int | None
    needed_bytes: int | None = Field(
        description="The least that works: everything, with the KV cache that was asked for, or "
        "else for one request of full length."
    )
    allowed_bytes: int | None = Field(
        description="What the engine may take, by its settings and what is free."
    )
    other_processes_bytes: int | None
    other_processes: list[FitProcess]
    free_bytes: int | None
    total_bytes: int | None


class FitSuggestion(BaseModel):
    """A change that was tried on the estimate, and helped."""

    field: str = Field(description="`arguments.max_model_len`, `resources.tensor_parallel_size`…")
    value: ArgumentValue
    also: dict[str, ArgumentValue] = Field(
        default_factory=dict[str, ArgumentValue],
        description="Other fields that must be set with it, and to what.",
    )
    gain: str = Field(description="What it brings, in a sentence.")
    verdict: Verdict = Field(description="Of the estimate with this change.")


class FitReport(BaseModel):
    """Whether a model fits, what takes how much, and what to change."""

    model_config = ConfigDict(json_schema_extra={"examples": [_REPORT]})

    model: str
    revision: str | None
    commit: str | None
    verdict: Verdict
    summary: str
    confidence: Confidence
    unknowns: list[str] = Field(description="What could not be known, a sentence each.")
    devices: list[FitDevice] = Field(description="Of one replica, those that it would use.")
    replicas: int
    kv_bytes_per_token: int | None = Field(
        description="KV cache of one token on one device, all layers together, as long as every "
        "layer still sees the token."
    )
    kv_bytes_per_request: int | None = Field(
        description="State that a request keeps whatever its length (Mamba and such)."
    )
    kv_block_tokens: int | None
    kv_tokens: int | None = Field(description="Tokens that the whole KV cache holds.")
    max_model_len: int | None = Field(description="As asked, or else the model's own.")
    largest_max_model_len: int | None = Field(
        description="The longest request that the KV cache can hold, at most the model's own."
    )
    max_concurrency: float | None = Field(description="Requests of full length at the same time.")
    smallest_gpus: int | None = Field(
        description="The smallest number of such GPUs that it fits, by tensor parallelism; null "
        "where unknown, or where it does not fit 64."
    )
    suggestions: list[FitSuggestion]
    assumptions: list[str]


class MemoryActual(BaseModel):
    """What a started engine said of one worker's memory. Null: it did not say."""

    weights_bytes: int | None = None
    kv_cache_bytes: int | None = None
    kv_tokens: int | None = None
    other_bytes: int | None = Field(
        default=None, description="Everything but the KV cache; a worker on CPU says this alone."
    )


class FitComparison(BaseModel):
    """How far an estimate was off, as a share of what the engine said: 0.03 is 3 % too much."""

    weights_error_ratio: float | None
    kv_cache_error_ratio: float | None
    kv_tokens_error_ratio: float | None
    other_error_ratio: float | None = Field(description="Of everything but the KV cache.")
