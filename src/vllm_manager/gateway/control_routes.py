"""What the control plane offers to the gateway's workers. Never relayed to the outside."""

from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from vllm_manager.auth.keys import Keys
from vllm_manager.gateway.publisher import SnapshotPublisher
from vllm_manager.gateway.requests.service import Requests
from vllm_manager.gateway.requests.wire import Told
from vllm_manager.kit.errors import Problem
from vllm_manager.limits import UsageLedger, UsageRecord, UsageReport

router = APIRouter(prefix="/internal/v1/gateway", include_in_schema=False)

_decoder = msgspec.json.Decoder(UsageReport)
_told_decoder = msgspec.json.Decoder(Told)


@router.get("/snapshots")
async def stream_snapshots(request: Request) -> StreamingResponse:
    """Stream snapshots as JSON lines; the worker names itself in `x-gateway-worker`."""
    publisher: SnapshotPublisher = request.app.state.publisher
    pid = request.headers.get("x-gateway-worker", "")
    lines = publisher.stream(int(pid) if pid.isdecimal() and len(pid) < 10 else None)
    return StreamingResponse(lines, media_type="application/x-ndjson")


@router.post("/usage")
async def record_usage(request: Request) -> dict[str, bool]:
    """Count a batch once; the answer says whether it was new."""
    ledger: UsageLedger = request.app.state.usage
    try:
        report = _decoder.decode(await request.body())
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Problem("invalid_usage", f"The batch can't be read: {error}.", status=422) from error
    counted = await ledger.record(report)
    keys: Keys = request.app.state.keys
    await keys.note_used(_last_uses(report.records))
    return {"counted": counted}


@router.post("/requests")
async def hear_requests(request: Request) -> Response:
    """Take what a worker says of its requests; the answer says what it is to do about them."""
    requests: Requests = request.app.state.requests
    try:
        told = _told_decoder.decode(await request.body())
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        detail = f"What is said of requests can't be read: {error}."
        raise Problem("invalid_requests", detail, status=422) from error
    orders = msgspec.json.encode(requests.hear(told))
    return Response(orders, media_type="application/json")


def _last_uses(records: Iterable[UsageRecord]) -> dict[str, datetime]:
    """Return when each key was last used."""
    latest: dict[str, float] = {}
    for record in records:
        if record.key is not None:
            latest[record.key] = max(record.at, latest.get(record.key, 0.0))
    return {key: datetime.fromtimestamp(at, UTC) for key, at in latest.items()}
