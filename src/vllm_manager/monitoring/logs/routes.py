"""HTTP routes of the product's log."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime

from vllm_manager.auth.guard import OPERATORS, Anyone
from vllm_manager.kit.paging import MAX_LIMIT, Page
from vllm_manager.monitoring.logs.browser import BrowserErrors
from vllm_manager.monitoring.logs.query import EntryQuery
from vllm_manager.monitoring.logs.schemas import (
    ClientErrors,
    ClientErrorsTaken,
    Level,
    LogEntry,
)
from vllm_manager.monitoring.logs.service import Form, ProductLogs

router = APIRouter(prefix="/api/v1", tags=["logs"])

_FORMS: dict[Form, tuple[str, str]] = {
    "text": ("log", "text/plain; charset=utf-8"),
    "jsonl": ("jsonl", "application/x-ndjson"),
}


def _logs_of(request: Request) -> ProductLogs:
    return request.app.state.logs.product


def _errors_of(request: Request) -> BrowserErrors:
    return request.app.state.logs.browser


def _wanted(
    process: Annotated[
        list[str] | None,
        Query(
            max_length=16,
            description="`control-plane`, `gateway`, `steward`, `ray`, `downloads`, `browser`, "
            "`engine`; repeat it for several. Engines come by themselves only where a deployment "
            "or a request is asked for.",
        ),
    ] = None,
    level: Annotated[Level | None, Query(description="The least one.")] = None,
    q: Annotated[str | None, Query(max_length=200, description="Text in the line.")] = None,
    request_id: Annotated[
        str | None, Query(max_length=64, description="Of one request, in every process.")
    ] = None,
    deployment: Annotated[str | None, Query(max_length=63)] = None,
    replica: Annotated[str | None, Query(max_length=128)] = None,
    since: Annotated[
        AwareDatetime | None, Query(alias="from", description="Start of the span, RFC 3339.")
    ] = None,
    until: Annotated[
        AwareDatetime | None, Query(alias="to", description="End of the span, exclusive.")
    ] = None,
) -> EntryQuery:
    return EntryQuery(
        processes=frozenset(process or ()),
        level=level,
        text=q or None,
        request_id=request_id or None,
        deployment=deployment or None,
        replica=replica or None,
        since=since,
        until=until,
    )


Logs = Annotated[ProductLogs, Depends(_logs_of)]
Wanted = Annotated[EntryQuery, Depends(_wanted)]


@router.get(
    "/logs",
    operation_id="listLogs",
    summary="Read what the product's processes and the engines wrote, newest first",
    dependencies=[Depends(OPERATORS)],
)
async def list_logs(
    logs: Logs,
    wanted: Wanted,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 100,
    cursor: Annotated[str | None, Query(max_length=512)] = None,
) -> Page[LogEntry]:
    """A page may hold fewer lines than asked for and still have a next one: reading has bounds."""
    return await asyncio.to_thread(logs.page, wanted.limited(limit), cursor)


@router.get(
    "/logs/download",
    operation_id="downloadLogs",
    summary="Take the same out, oldest line first",
    dependencies=[Depends(OPERATORS)],
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Lines of text, or of JSON.",
            "content": {
                "text/plain": {"example": "2026-11-23T10:00:00.123Z INFO gateway: …\n"},
                "application/x-ndjson": {
                    "schema": {"type": "string"},
                    "example": '{"time": "2026-11-23T10:00:00.123Z", "message": "…"}\n',
                },
            },
        }
    },
)
async def download_logs(
    logs: Logs, wanted: Wanted, form: Annotated[Form, Query(alias="format")] = "text"
) -> StreamingResponse:
    ending, media_type = _FORMS[form]
    disposition = f'attachment; filename="vllm-manager.{ending}"'
    return StreamingResponse(
        logs.stream(wanted, form),
        media_type=media_type,
        headers={"content-disposition": disposition},
    )


@router.post(
    "/client-errors",
    operation_id="reportClientErrors",
    summary="Tell of what went wrong in a browser",
    status_code=202,
)
async def report_client_errors(
    told: ClientErrors, principal: Anyone, errors: Annotated[BrowserErrors, Depends(_errors_of)]
) -> ClientErrorsTaken:
    """At most 20 a minute from one session and 100 from all; what is beyond is dropped."""
    session = principal.session_id or principal.key_id or principal.user_id
    accepted = errors.take(told.errors, session, principal.username)
    return ClientErrorsTaken(accepted=accepted, dropped=len(told.errors) - accepted)
