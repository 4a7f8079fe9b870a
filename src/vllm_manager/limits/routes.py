"""Usage over HTTP."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AwareDatetime
from starlette.responses import StreamingResponse

from vllm_manager.auth import Principal
from vllm_manager.auth.guard import Anyone
from vllm_manager.kit.csv_lines import csv_lines
from vllm_manager.kit.paging import MAX_LIMIT, Page
from vllm_manager.limits.reading import Asked
from vllm_manager.limits.schemas import GroupBy, Usage
from vllm_manager.limits.totals import UsageTotals

router = APIRouter(prefix="/api/v1", tags=["usage"])

_BY_MODEL: list[GroupBy] = ["model"]
_PLAIN = r"^[^\x00-\x1f\x7f]*$"
_NAMED = ("key", "user", "team")
FIGURES = (
    "requests",
    "ok",
    "client_errors",
    "server_errors",
    "client_left",
    "cancelled",
    "limited",
    "turned_away",
    "refused",
    "prompt_tokens",
    "cached_tokens",
    "completion_tokens",
    "latency_mean_seconds",
    "latency_p50_seconds",
    "latency_p95_seconds",
    "ttft_mean_seconds",
    "ttft_p50_seconds",
    "ttft_p95_seconds",
    "cost",
    "currency",
    "unpriced_requests",
)


def _totals(request: Request) -> UsageTotals:
    return request.app.state.usage_totals


Totals = Annotated[UsageTotals, Depends(_totals)]


Since = Annotated[
    AwareDatetime | None, Query(alias="from", description="Start of the span, RFC 3339.")
]
Until = Annotated[
    AwareDatetime | None, Query(alias="to", description="End of the span, exclusive.")
]
Groups = Annotated[
    list[GroupBy], Query(min_length=1, max_length=5, description="Repeat it to group by several.")
]
Only = Annotated[
    str | None,
    Query(
        max_length=255,
        pattern=_PLAIN,
        description="Only of this one: an id, of models the name; empty: where there is none.",
    ),
]


def _asked(
    totals: Totals,
    principal: Anyone,
    since: Since = None,
    until: Until = None,
    group_by: Groups = _BY_MODEL,
    model: Only = None,
    key: Only = None,
    user: Only = None,
    team: Only = None,
) -> Asked:
    """Say what is summed: of others than administrators and operators what is their own."""
    only = {"model": model, "key": key, "user": user, "team": team}
    asked = totals.asked(group_by, since, until, only)
    own = _seen_by(principal)
    return asked if own is None else asked.of_user(own)


def _seen_by(principal: Principal) -> str | None:
    """Return whose usage alone somebody may see; None: everybody's."""
    return None if principal.role in ("administrator", "operator") else principal.user_id


Question = Annotated[Asked, Depends(_asked)]


@router.get("/usage", operation_id="listUsage", summary="Requests and tokens, summed")
async def list_usage(
    totals: Totals,
    asked: Question,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 100,
    cursor: Annotated[str | None, Query(max_length=2048)] = None,
) -> Page[Usage]:
    """Sum by model, key, user, team and day (UTC) over the hours that begin within the span.

    Of days whose hours are no longer kept, the whole day counts if it begins within the span.
    Administrators and operators see everybody's, others their own.
    """
    return await totals.page(asked, cursor, limit)


@router.get(
    "/usage/export",
    operation_id="exportUsage",
    summary="The same sums as a table",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {"example": "model,requests,…\r\ndemo,12,…\r\n"}}}},
)
async def export_usage(totals: Totals, asked: Question) -> StreamingResponse:
    """Stream CSV with a head line, all of it; ids have their names beside them."""

    async def lines() -> AsyncGenerator[str]:
        columns = [*_columns(asked.group_by), *FIGURES]
        yield csv_lines([columns])
        async with aclosing(totals.everything(asked)) as parts:
            async for rows in parts:
                yield csv_lines([[getattr(row, name) for name in columns] for row in rows])

    headers = {"content-disposition": 'attachment; filename="usage.csv"'}
    return StreamingResponse(lines(), media_type="text/csv; charset=utf-8", headers=headers)


def _columns(group_by: list[GroupBy]) -> list[str]:
    return [
        column
        for name in group_by
        for column in ((name, f"{name}_name") if name in _NAMED else (name,))
    ]
