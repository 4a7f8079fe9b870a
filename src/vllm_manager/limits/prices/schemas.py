"""What prices say and hear over HTTP."""

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Day = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2199, 12, 31))]
PerMillion = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]

_FIGURES: dict[str, Any] = {
    "input_per_million": 0.5,
    "cached_input_per_million": 0.1,
    "output_per_million": 1.5,
}


class PriceRequest(BaseModel):
    """What a million tokens of a model cost, in the installation's currency."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{**_FIGURES, "valid_from": "2026-11-01"}]},
    )

    input_per_million: PerMillion
    cached_input_per_million: PerMillion | None = Field(
        None, description="Of prompt tokens that were in the cache; null: as `input_per_million`."
    )
    output_per_million: PerMillion
    valid_from: Day | None = Field(
        None,
        description="The day (UTC) from which it counts; null: today. What was used on earlier "
        "days keeps the price of then.",
    )


class Price(BaseModel):
    """A price, and since when it counts: until the model's next one begins."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model": "demo",
                    "valid_from": "2026-11-01",
                    "is_current": True,
                    **_FIGURES,
                    "currency": "USD",
                    "updated_at": "2026-11-23T10:00:00Z",
                }
            ]
        }
    )

    model: str = Field(description="The name that requests ask for.")
    valid_from: date = Field(description="A day in UTC.")
    is_current: bool = Field(description="It is the one that counts today.")
    input_per_million: float
    cached_input_per_million: float | None = Field(description="Null: as `input_per_million`.")
    output_per_million: float
    currency: str
    updated_at: datetime
