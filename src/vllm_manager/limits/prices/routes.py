"""Prices over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request

from vllm_manager.auth.guard import Administrator, Anyone
from vllm_manager.kit.paging import MAX_LIMIT, Page
from vllm_manager.limits.prices.schemas import Day, Price, PriceRequest
from vllm_manager.limits.prices.service import Prices

router = APIRouter(prefix="/api/v1/usage/prices", tags=["usage"])

_PLAIN = r"^[^\x00-\x1f\x7f]+$"


def prices_of(request: Request) -> Prices:
    """Return the service that `api.wiring` placed on the application."""
    return request.app.state.prices


Service = Annotated[Prices, Depends(prices_of)]
Model = Annotated[
    str,
    Path(max_length=255, pattern=_PLAIN, description="The name that requests ask for."),
]


@router.get("", operation_id="listPrices", summary="List what tokens cost")
async def list_prices(
    prices: Service,
    principal: Anyone,
    model: Annotated[
        str | None, Query(min_length=1, max_length=255, pattern=_PLAIN, description="Only its.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 100,
    cursor: Annotated[str | None, Query(max_length=2048)] = None,
) -> Page[Price]:
    """By model, the newest first; those of the past, and of days to come, too."""
    return await prices.page(model, cursor, limit)


@router.put("/{model:path}", operation_id="setPrice", summary="Set what tokens of a model cost")
async def set_price(
    model: Model, price: PriceRequest, prices: Service, principal: Administrator
) -> Price:
    """It counts from a day (UTC) on; usage of earlier days keeps the price of then. A price of the
    same day is put in the place of the one before. Naming a day of the past prices anew what was
    used since then.
    """
    return await prices.put(model, price)


@router.delete(
    "/{model:path}",
    operation_id="removePrice",
    summary="Take prices of a model away",
    status_code=204,
)
async def remove_price(
    model: Model,
    prices: Service,
    principal: Administrator,
    valid_from: Annotated[
        Day | None, Query(description="Only the price that begins on this day.")
    ] = None,
) -> None:
    """What was used at them costs what the price before says; without one its cost is unknown."""
    await prices.remove(model, valid_from)
