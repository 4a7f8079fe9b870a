"""What usage says and hears: the gateway's batches, and the sums that people ask for."""

from datetime import date
from typing import Annotated, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field

GroupBy = Literal["model", "key", "user", "team", "day"]
Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e9)]
Name = Annotated[str, msgspec.Meta(max_length=255)]
Id = Annotated[str, msgspec.Meta(max_length=40)]
BatchId = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class UsageRecord(msgspec.Struct, frozen=True):
    """One request, or a number of refusals, as the gateway saw it. Unknown members are ignored."""

    at: Annotated[float, msgspec.Meta(ge=0, lt=32_503_680_000)]
    model: Name
    status: int
    key: Id | None = None
    user: Id | None = None
    team: Id | None = None
    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    cached_tokens: Count | None = None
    outcome: str = "ok"
    stream: bool = False
    seconds: Seconds | None = None
    first_token_seconds: Seconds | None = None
    base: Name = ""
    """The deployment's own name, where `model` is an adapter of it."""
    refusals: Count = 0
    """Above 0: so many requests that the gateway refused itself, and nothing else."""


class UsageReport(msgspec.Struct, frozen=True):
    """A batch of the gateway's; sent again with the same id until it is acknowledged."""

    batch: BatchId
    records: Annotated[list[UsageRecord], msgspec.Meta(max_length=100_000)]
    deleted: Annotated[list[BatchId], msgspec.Meta(max_length=10_000)] = []
    """Batches that were acknowledged, and that nobody can send again."""


class Usage(BaseModel):
    """Sums over a span; what was not grouped by is null, and so is what is not known."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model": "demo",
                    "key": None,
                    "key_name": None,
                    "user": None,
                    "user_name": None,
                    "team": None,
                    "team_name": None,
                    "day": "2026-11-23",
                    "requests": 42,
                    "ok": 40,
                    "errors": 1,
                    "client_errors": 1,
                    "server_errors": 0,
                    "client_left": 1,
                    "cancelled": 0,
                    "limited": 3,
                    "turned_away": 0,
                    "refused": 1,
                    "prompt_tokens": 1302,
                    "completion_tokens": 504,
                    "cached_tokens": 96,
                    "latency_mean_seconds": 1.2,
                    "latency_p50_seconds": 0.9,
                    "latency_p95_seconds": 3.1,
                    "ttft_mean_seconds": 0.1,
                    "ttft_p50_seconds": 0.09,
                    "ttft_p95_seconds": 0.22,
                    "cost": 0.001302,
                    "currency": "USD",
                    "unpriced_requests": 0,
                }
            ]
        }
    )

    model: str | None = None
    key: str | None = Field(
        None, description="Id of the key; null for login sessions, and without a valid key, too."
    )
    key_name: str | None = Field(None, description="Null where the key is gone.")
    user: str | None = Field(None, description="Id of the user.")
    user_name: str | None = Field(None, description="Null where the user is gone.")
    team: str | None = Field(None, description="Id of the team that the key was made for.")
    team_name: str | None = Field(None, description="Null where the team is gone.")
    day: date | None = Field(None, description="In UTC.")
    requests: int = Field(
        description="Sent to an engine, or waiting for their turn when they ended."
    )
    ok: int = Field(description="Requests that were answered as asked.")
    errors: int = Field(description="Of clients and of servers.")
    client_errors: int = Field(description="Answered with a status of 400 to 499.")
    server_errors: int = Field(
        description="Answered with a status of 500 or above, or broken off by the engine."
    )
    client_left: int = Field(description="Requests whose client left before the end.")
    cancelled: int = Field(
        description="Requests that somebody cancelled, or that a stop of the gateway cut."
    )
    limited: int = Field(
        description="Refused by a limit (429); like the next two no part of `requests`."
    )
    turned_away: int = Field(
        description="Refused since the model or the gateway had no room or was not ready (503)."
    )
    refused: int = Field(
        description="Refused for what they asked or who asked: no key, no such model, no valid "
        "body. Where nobody knows who asked, they have no user."
    )
    prompt_tokens: int = Field(description="Cached tokens included.")
    completion_tokens: int
    cached_tokens: int
    latency_mean_seconds: float | None = Field(description="Of requests that were answered.")
    latency_p50_seconds: float | None = Field(description="From a histogram: about.")
    latency_p95_seconds: float | None
    ttft_mean_seconds: float | None = Field(
        description="Until the first token of answers that were streamed."
    )
    ttft_p50_seconds: float | None
    ttft_p95_seconds: float | None
    cost: float | None = Field(
        description="What has a price; null where nothing has. See `unpriced_requests`."
    )
    currency: str | None = Field(description="Of the cost; null where there is none.")
    unpriced_requests: int = Field(
        description="Requests for models that had no price on that day: no part of the cost."
    )
