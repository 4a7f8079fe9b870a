"""The log of the gateway's processes, and its line for each request that is over."""

import logging
from collections.abc import Iterable
from pathlib import Path

from vllm_manager.gateway.config import GatewayConfig
from vllm_manager.gateway.requests.wire import Row
from vllm_manager.kit import logs

_log = logging.getLogger(__name__)


def configure(config: GatewayConfig) -> None:
    """Set logging up for this process. uvicorn's own messages are about single bad requests."""
    folder = Path(config.logs_dir) if config.logs_dir else None
    logs.configure("gateway", config.log_level, config.log_format, folder)
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
    logging.getLogger("asyncio").setLevel(logging.ERROR)


def write_ended(rows: Iterable[Row], left_out: int) -> None:
    """Write a line for each request that is over; none where only warnings are kept.

    `left_out`: how many more there were than are written.
    """
    if not _log.isEnabledFor(logging.INFO):
        return
    for row in rows:
        _log.info("request ended", extra=_ended(row))
    if left_out:
        _log.info("%d more requests ended in the same moment and are not listed", left_out)


def _ended(row: Row) -> dict[str, object]:
    """Return what is told of a request: no bodies, no secrets, no names that a client made up."""
    fields = {
        "status": row.status,
        "outcome": row.state,
        "seconds": round(row.seconds, 4),
        "ttft_seconds": None if row.ttft_seconds is None else round(row.ttft_seconds, 4),
        "prompt_tokens": row.prompt_tokens,
        "completion_tokens": row.completion_tokens,
        "path": row.path,
        "key": row.key,
        "user": row.user,
    }
    about = {"request_id": row.id, "deployment": row.deployment, "replica": row.replica}
    return {**about, "fields": fields}
