"""Makes an entry of a line, whoever wrote it."""

import re
from datetime import UTC, datetime
from typing import Any, Final, cast

import orjson

from vllm_manager.deployments.logs import KeptLine
from vllm_manager.monitoring.logs.schemas import ENGINE, LEVELS, Level, LogEntry

_MEMBERS: Final = frozenset(
    {
        "time", "at", "level", "logger", "process", "pid", "message", "request_id", "deployment",
        "replica", "phase", "exception", "error",
    }
)  # fmt: skip
_ENGINE_LEVEL: Final = re.compile(r"^(?:\([^)]*\)\s*)?(DEBUG|INFO|WARNING|ERROR|CRITICAL)\b")
_BARE_TIME: Final = re.compile(rb"\[?(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)[,.]\d+")
_REQUEST_ID: Final = re.compile(r"\breq_[0-9a-z]{26}\b")


def of_process(raw: bytes, process: str, key: str, otherwise: datetime) -> LogEntry:
    """Return the entry of a line in a process's file; a bare line has the time `otherwise`."""
    try:
        found: object = orjson.loads(raw)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        return LogEntry(id=key, time=otherwise, process=process, message=_text_of(raw))
    line = cast("dict[str, Any]", found)
    return LogEntry(
        id=key,
        time=_time_of(line) or otherwise,
        level=_level_of(line.get("level")),
        logger=_text(line.get("logger")),
        process=_text(line.get("process")) or process,
        pid=line["pid"] if isinstance(line.get("pid"), int) else None,
        message=_text(line.get("message")) or "",
        request_id=_text(line.get("request_id")),
        deployment=_text(line.get("deployment")),
        replica=_text(line.get("replica")),
        phase=_text(line.get("phase")),
        exception=_text(line.get("exception") or line.get("error")),
        fields={name: value for name, value in line.items() if name not in _MEMBERS},
    )


def of_engine(line: KeptLine, deployment: str, key: str) -> LogEntry:
    """Return the entry of a line that an engine printed."""
    level = _ENGINE_LEVEL.match(line.text)
    request = _REQUEST_ID.search(line.text)
    return LogEntry(
        id=key,
        time=line.at,
        level=_level_of(level[1].lower() if level else None),
        logger=line.stream,
        process=ENGINE,
        message=line.text,
        request_id=request[0] if request else None,
        deployment=deployment,
        replica=line.replica,
        phase=line.phase,
        fields={"attempt": line.attempt, "number": line.number},
    )


def time_in(raw: bytes) -> datetime | None:
    """Return the time that a line says; None where it says none."""
    try:
        found: object = orjson.loads(raw)
    except ValueError:
        return _bare_time(raw)
    return _time_of(cast("dict[str, Any]", found)) if isinstance(found, dict) else None


def _bare_time(raw: bytes) -> datetime | None:
    """Return the time at the beginning of a line as Ray writes it, in this machine's own zone."""
    found = _BARE_TIME.match(raw)
    try:
        return datetime.fromisoformat(found[1].decode()).astimezone(UTC) if found else None
    except ValueError:
        return None


def _time_of(line: dict[str, Any]) -> datetime | None:
    told = line.get("time", line.get("at"))
    try:
        moment = datetime.fromisoformat(told) if isinstance(told, str) else None
    except ValueError:
        return None
    if moment is None:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _level_of(value: object) -> Level | None:
    return next((level for level in LEVELS if level == value), None)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _text_of(raw: bytes) -> str:
    return raw.decode("utf-8", "replace").rstrip("\r")
