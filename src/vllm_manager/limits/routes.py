"""Usage over HTTP."""

from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AwareDatetime
from starlette.responses import StreamingResponse

from vllm_manager.auth import Principal
from vllm_manager.auth.guard import Anyone
from vllm_manager.kit.csv_lines import csv_lines
from vllm_manager.kit.paging import MAX_LIMIT, Page
from vllm_manager.limits.schemas import GroupBy, Usage
from vllm_manager.limits.service import UsageLedger

router = APIRouter(prefix="/api/v1", tags=["usage"])

_BY_MODEL: list[GroupBy] = ["model"]


COUNTERS = ("requests", "errors", "prompt_tokens", "completion_tokens", "cached_tokens")


def _ledger(request: Request) -> UsageLedger:
    return request.app.state.usage


Ledger = Annotated[UsageLedger, Depends(_ledger)]


Since = Annotated[
    AwareDatetime | None, Query(alias="from", description="Start of the span, RFC 3339.")
]
Until = Annotated[
    AwareDatetime | None, Query(alias="to", description="End of the span, exclusive.")
]
Groups = Annotated[
    list[GroupBy], Query(min_length=1, max_length=5, description="Repeat it to group by several.")
]


def _seen_by(principal: Principal) -> str | None:
    """Return whose usage alone somebody may see; None: everybody's."""
    return None if principal.role in ("administrator", "operator") else principal.user_id


@router.get("/usage", operation_id="listUsage", summary="Requests and tokens, summed")
async def list_usage(
    ledger: Ledger,
    principal: Anyone,
    since: Since = None,
    until: Until = None,
    group_by: Groups = _BY_MODEL,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 100,
    cursor: Annotated[str | None, Query(max_length=2048)] = None,
) -> Page[Usage]:
    """Sum by model, key, user, team and day (UTC) over the hours that begin within the span.

    Administrators and operators see everybody's, others their own.
    """
    groups: list[GroupBy] = list(dict.fromkeys(group_by))
    return await ledger.totals(groups, since, until, cursor, limit, _seen_by(principal))


@router.get(
    "/usage/export",
    operation_id="exportUsage",
    summary="The same sums as a table",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {"example": "model,requests,…\r\ndemo,12,…\r\n"}}}},
)
async def export_usage(
    ledger: Ledger,
    principal: Anyone,
    since: Since = None,
    until: Until = None,
    group_by: Groups = _BY_MODEL,
) -> StreamingResponse:
    """Stream CSV with a head line, all pages of it."""
    groups: list[GroupBy] = list(dict.fromkeys(group_by))

    async def lines() -> AsyncGenerator[str]:
        columns = (*groups, *COUNTERS)
        yield csv_lines([columns])
        cursor: str | None = None
        while True:
            page = await ledger.totals(groups, since, until, cursor, MAX_LIMIT, _seen_by(principal))
            yield csv_lines([[getattr(row, name) for name in columns] for row in page.items])
            cursor = page.next_cursor
            if cursor is None:
                return

    headers = {"content-disposition": 'attachment; filename="usage.csv"'}
    return StreamingResponse(lines(), media_type="text/csv; charset=utf-8", headers=headers)
