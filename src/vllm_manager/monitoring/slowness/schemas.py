"""What is told of a model's speed."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Kind = Literal[
    "gateway_queue", "engine_queue", "preemption", "kv_cache_full", "prefill", "decode",
    "gpu_throttled", "cpu_saturated",
]  # fmt: skip


class Measured(BaseModel):
    """Means over the window, over all replicas. Null: not known, or no request finished."""

    window_seconds: int
    is_current: bool = Field(
        default=True,
        description="Whether `running`, `waiting`, `gateway_queued` and `kv_cache_ratio` are of "
        "now. False: who tells them is silent, and they are means over the window.",
    )
    request_seconds: float | None = None
    queue_seconds: float | None = Field(default=None, description="In the engine's queue.")
    prefill_seconds: float | None = None
    decode_seconds: float | None = None
    ttft_seconds: float | None = None
    inter_token_seconds: float | None = None
    running: float | None = Field(default=None, description="Requests that engines work on.")
    waiting: float | None = Field(default=None, description="Requests that wait in engines.")
    gateway_queued: float | None = Field(default=None, description="Requests that wait before.")
    kv_cache_ratio: float | None = Field(default=None, description="Of the fullest replica.")
    preemptions_per_second: float | None = None
    requests_per_second: float | None = None
    prefix_hit_ratio: float | None = None
    prompt_tokens_per_second: float | None = None
    generation_tokens_per_second: float | None = None
    gpu_throttled_ratio: float | None = Field(default=None, description="Of the time; any GPU.")
    gpu_utilization_ratio: float | None = None
    node_cpu_ratio: float | None = None


class SlowCause(BaseModel):
    """One thing that makes requests slow."""

    kind: Kind
    share: float = Field(description="How much of it all it explains, 0 to 1; for ranking.")
    cause: str = Field(description="In a sentence, with the numbers.")
    advice: str


class Performance(BaseModel):
    """How fast a deployment is, and what slows it down, the heaviest first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "deployment": "demo",
                    "at": "2026-11-23T10:00:00Z",
                    "summary": "A request takes 2.1 s on average; most of all: Requests wait.",
                    "causes": [
                        {
                            "kind": "engine_queue",
                            "share": 0.62,
                            "cause": "Requests wait 1.3 s in the engine's queue, 62% of it.",
                            "advice": "Add a replica, or allow more requests at once.",
                        }
                    ],
                    "measured": {"window_seconds": 300, "request_seconds": 2.1},
                }
            ]
        }
    )

    deployment: str
    at: datetime
    summary: str
    causes: list[SlowCause]
    measured: Measured
