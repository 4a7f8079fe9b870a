"""What policies say and hear over HTTP."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from vllm_manager.auth.keys import Limits

Scope = Literal["installation", "team", "user", "key", "model"]
"""Whom a limit is for. A request must have room in each that it falls under."""

SubjectScope = Literal["team", "user", "key", "model"]
"""The scopes that have subjects."""

SubjectName = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")]

_EXAMPLE: dict[str, Any] = {
    "scope": "team",
    "subject": "team_01kb2m3n4p5q6r7s8t9v0w1x2y",
    "name": "research",
    "limits": {
        "requests_per_minute": None,
        "tokens_per_minute": 20000,
        "concurrent_requests": 8,
        "tokens_per_day": None,
        "tokens_per_month": 50000000,
    },
    "updated_at": "2026-11-23T10:00:00Z",
}
_USED: dict[str, Any] = {"day": "2026-11-23", "tokens_today": 4711, "tokens_this_month": 90210}


class LimitsRequest(Limits):
    """The limits of one subject, all five in place of those before."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"tokens_per_minute": 20000, "concurrent_requests": 8}]}
    )


class Policy(BaseModel):
    """The limits of one subject."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    scope: Scope
    subject: str | None = Field(
        description="Id of the team, user or key; name of the model; null for the installation."
    )
    name: str | None = Field(description="What people call it; null where it is gone.")
    limits: Limits
    updated_at: datetime | None = Field(description="Null where nothing was ever set.")


class UsedTokens(BaseModel):
    """What counts against a quota."""

    day: date = Field(description="Today, in UTC.")
    tokens_today: int
    tokens_this_month: int


class AppliedPolicy(Policy):
    """Limits that a request falls under, and what is used of their quotas."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_EXAMPLE, "used": _USED}]})

    used: UsedTokens | None = Field(description="Null where there is no quota.")


class EffectiveLimits(BaseModel):
    """Every limit that requests with a key fall under."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "key": "key_01kb2m3n4p5q6r7s8t9v0w1x2y",
                    "tightest": _EXAMPLE["limits"],
                    "items": [{**_EXAMPLE, "used": _USED}],
                }
            ]
        }
    )

    key: str | None = Field(description="Id of the key; null for a login session.")
    tightest: Limits = Field(
        description="The smallest of each figure. Those of models count where a model was named."
    )
    items: list[AppliedPolicy] = Field(description="From the installation down to the models.")
