"""Usage over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AwareDatetime

from vllm_manager.auth.guard import OPERATORS
from vllm_manager.kit.paging import MAX_LIMIT, Page
from vllm_manager.limits.schemas import GroupBy, Usage
from vllm_manager.limits.service import UsageLedger

router = APIRouter(prefix="/api/v1", tags=["usage"])

_BY_MODEL: list[GroupBy] = ["model"]


def _ledger(request: Request) -> UsageLedger:
    return request.app.state.usage


@router.get(
    "/usage",
    operation_id="listUsage",
    summary="Requests and tokens, summed",
    dependencies=[Depends(OPERATORS)],
)
async def list_usage(
    request: Request,
    since: Annotated[
        AwareDatetime | None, Query(alias="from", description="Start of the span, RFC 3339.")
    ] = None,
    until: Annotated[
        AwareDatetime | None, Query(alias="to", description="End of the span, exclusive.")
    ] = None,
    group_by: Annotated[
        list[GroupBy],
        Query(min_length=1, max_length=5, description="Repeat it to group by several."),
    ] = _BY_MODEL,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 100,
    cursor: Annotated[str | None, Query(max_length=2048)] = None,
) -> Page[Usage]:
    """Sum by model, key, user, team and day (UTC) over the hours that begin within the span."""
    groups: list[GroupBy] = list(dict.fromkeys(group_by))
    return await _ledger(request).totals(groups, since, until, cursor, limit)
