"""What the control plane offers to the gateway's workers. Never relayed to the outside."""

from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from vllm_manager.auth.keys import Keys
from vllm_manager.gateway.publisher import SnapshotPublisher
from vllm_manager.kit.errors import Problem
from vllm_manager.limits import UsageLedger, UsageRecord, UsageReport

router = APIRouter(prefix="/internal/v1/gateway", include_in_schema=False)

_decoder = msgspec.json.Decoder(UsageReport)


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


def _last_uses(records: Iterable[UsageRecord]) -> dict[str, datetime]:
    """Return when each key was last used."""
    latest: dict[str, float] = {}
    for record in records:
        if record.key is not None:
            latest[record.key] = max(record.at, latest.get(record.key, 0.0))
    return {key: datetime.fromtimestamp(at, UTC) for key, at in latest.items()}
