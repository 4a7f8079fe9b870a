"""One JSON object per line on standard error."""

import json
import logging
import os
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from vllm_manager.gateway.requests.wire import Row
from vllm_manager.kit.redaction import Redacted, redact

_log = logging.getLogger(__name__)


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": f"gateway:{record.process}",
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure(level: str) -> None:
    """Set logging up for this process. uvicorn's own messages are about single bad requests."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Redacted(_JsonLines()))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
    logging.getLogger("asyncio").setLevel(logging.ERROR)


def write_ended(rows: Iterable[Row], left_out: int) -> None:
    """Write a line for each request that is over, all at once; none where only warnings are kept.

    `left_out`: how many more there were than are written.
    """
    if not _log.isEnabledFor(logging.INFO):
        return
    process = f"gateway:{os.getpid()}"
    lines = [_encode({**_ended(row), "process": process}).decode() for row in rows]
    if left_out:
        message = f"{left_out} more requests ended in the same moment and are not listed"
        now = time.time()
        lines.append(_encode({**_head(now, message), "process": process}).decode())
    sys.stderr.write(redact("\n".join(lines)) + "\n")
    sys.stderr.flush()


_encode = msgspec.json.Encoder().encode


def _head(at: float, message: str) -> dict[str, object]:
    moment = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    return {"at": moment, "level": "info", "message": message}


def _ended(row: Row) -> dict[str, object]:
    """Return what is told of a request: no bodies, no secrets, no names that a client made up."""
    return {
        **_head(row.started_at + row.seconds, "request ended"),
        "request_id": row.id,
        "deployment": row.deployment,
        "replica": row.replica,
        "path": row.path,
        "status": row.status,
        "outcome": row.state,
        "seconds": round(row.seconds, 4),
        "ttft_seconds": None if row.ttft_seconds is None else round(row.ttft_seconds, 4),
        "prompt_tokens": row.prompt_tokens,
        "completion_tokens": row.completion_tokens,
        "key": row.key,
        "user": row.user,
    }
