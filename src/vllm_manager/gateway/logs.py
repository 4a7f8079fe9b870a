"""One JSON object per line on standard error."""

import json
import logging
import sys
from datetime import UTC, datetime

from vllm_manager.kit.redaction import Redacted


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
