"""What usage says and hears: the gateway's batches, and the sums that people ask for."""

from datetime import date
from typing import Annotated, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field

GroupBy = Literal["model", "key", "user", "team", "day"]
Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]
Name = Annotated[str, msgspec.Meta(max_length=255)]


class UsageRecord(msgspec.Struct, frozen=True):
    """One request, as the gateway saw it. Unknown members are ignored."""

    at: Annotated[float, msgspec.Meta(ge=0, lt=32_503_680_000)]
    model: Name
    status: int
    key: Annotated[str, msgspec.Meta(max_length=40)] | None = None
    user: Annotated[str, msgspec.Meta(max_length=40)] | None = None
    team: Annotated[str, msgspec.Meta(max_length=40)] | None = None
    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    cached_tokens: Count | None = None
    outcome: str = "ok"


class UsageReport(msgspec.Struct, frozen=True):
    """A batch of the gateway's; sent again with the same id until it is acknowledged."""

    batch: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    records: Annotated[list[UsageRecord], msgspec.Meta(max_length=100_000)]


class Usage(BaseModel):
    """Sums over a span; what was not grouped by is null."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model": "demo",
                    "key": None,
                    "user": None,
                    "team": None,
                    "day": "2026-11-23",
                    "requests": 42,
                    "errors": 1,
                    "prompt_tokens": 1302,
                    "completion_tokens": 504,
                    "cached_tokens": 96,
                }
            ]
        }
    )

    model: str | None = None
    key: str | None = Field(None, description="Id of the key; null for login sessions, too.")
    user: str | None = Field(None, description="Id of the user.")
    team: str | None = Field(None, description="Id of the team that the key was made for.")
    day: date | None = Field(None, description="In UTC.")
    requests: int
    errors: int = Field(description="Requests that were answered with a status of 400 or above.")
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
