"""Reports as replicas post them, for tests."""

from datetime import UTC, datetime, timedelta
from typing import Any

from vllm_manager.deployments.reports import ReportBody

BEGAN = datetime(2026, 1, 1, 12, tzinfo=UTC)


def line(number: int, text: str | None = None, at: datetime | None = None) -> dict[str, Any]:
    moment = at or BEGAN + timedelta(seconds=number)
    return {"number": number, "at": moment, "stream": "stderr", "text": text or f"line {number}"}


def report(*lines: dict[str, Any], **fields: Any) -> ReportBody:
    """Return a report of a replica that is ready, with these log lines."""
    told: dict[str, Any] = {
        "deployment": "demo",
        "uid": "dep_1",
        "generation": 1,
        "attempt": 1,
        "replica_id": "r1",
        "incarnation": "life-1",
        "sequence": 1,
        "phase": "ready",
        "phase_seconds": 1.0,
        "idle_seconds": 0.0,
        "log": list(lines),
    }
    return ReportBody.model_validate({**told, **fields})
