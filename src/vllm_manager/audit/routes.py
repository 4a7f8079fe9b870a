"""The audit log over HTTP."""

import json
from collections.abc import AsyncGenerator
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AwareDatetime
from starlette.responses import StreamingResponse

from vllm_manager.audit.chain import MEMBERS
from vllm_manager.audit.schemas import AuditEntry, ChainReport
from vllm_manager.audit.service import AuditLog
from vllm_manager.audit.store import Wanted
from vllm_manager.auth.guard import ADMINISTRATORS
from vllm_manager.kit.csv_lines import csv_lines
from vllm_manager.kit.paging import MAX_LIMIT, Page

router = APIRouter(prefix="/api/v1/audit", tags=["audit"], dependencies=[Depends(ADMINISTRATORS)])

Format = Literal["ndjson", "csv"]
Word = Annotated[str | None, Query(max_length=255)]
_COLUMNS = (*MEMBERS, "hash")
_TYPES = {"ndjson": "application/x-ndjson", "csv": "text/csv; charset=utf-8"}


def audit_of(request: Request) -> AuditLog:
    """Return the log that `api.wiring` placed on the application."""
    return request.app.state.audit


Log = Annotated[AuditLog, Depends(audit_of)]
_EXPORTS = {
    "application/x-ndjson": {"example": '{"number": 1, "at": "2026-11-23T10:00:00Z", …}\n'},
    "text/csv": {"example": "number,at,…\r\n1,2026-11-23T10:00:00Z,…\r\n"},
}


@router.get("", operation_id="listAudit", summary="List what was done, the newest first")
async def list_audit(
    audit: Log,
    actor: Annotated[str | None, Query(max_length=64, description="Name or id.")] = None,
    action: Word = None,
    subject: Word = None,
    since: Annotated[
        AwareDatetime | None, Query(alias="from", description="Start of the span, RFC 3339.")
    ] = None,
    until: Annotated[
        AwareDatetime | None, Query(alias="to", description="End of the span, exclusive.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 100,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Page[AuditEntry]:
    """Return every change and every login that was made or tried."""
    return await audit.list(Wanted(actor, action, subject, since, until), limit, cursor)


@router.get("/verify", operation_id="verifyAudit", summary="Prove that the log was not changed")
async def verify_audit(audit: Log) -> ChainReport:
    """Walk along the whole chain. The newest hash, kept elsewhere, also shows a cut-off end."""
    return await audit.verify()


@router.get(
    "/export",
    operation_id="exportAudit",
    summary="Take the whole log out",
    response_class=StreamingResponse,
    responses={200: {"content": _EXPORTS}},
)
async def export_audit(
    audit: Log, format: Annotated[Format, Query(description="One entry per line.")] = "ndjson"
) -> StreamingResponse:
    """Stream every link of the chain, oldest first; `vllm-manager audit verify FILE` proves it."""
    headers = {"content-disposition": f'attachment; filename="audit.{format}"'}
    lines = _csv(audit) if format == "csv" else _ndjson(audit)
    return StreamingResponse(lines, media_type=_TYPES[format], headers=headers)


async def _ndjson(audit: AuditLog) -> AsyncGenerator[str]:
    async for piece in audit.links():
        yield "".join(json.dumps(link) + "\n" for link in piece)


async def _csv(audit: AuditLog) -> AsyncGenerator[str]:
    yield csv_lines([_COLUMNS])
    async for piece in audit.links():
        yield csv_lines([[link[name] for name in _COLUMNS] for link in piece])
