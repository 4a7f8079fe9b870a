"""One log line: as JSON for programs and files, as plain text for a terminal."""

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any, Final, cast

import msgspec

from vllm_manager.kit.logs.about import current
from vllm_manager.kit.redaction import redact

ABOUT: Final = ("request_id", "deployment", "replica", "phase")
MEMBERS: Final = (
    "time", "level", "logger", "process", "pid", "message", *ABOUT, "exception",
)  # fmt: skip
"""Every member that a line may have, in their order; those without a value are left out."""
_SHOWN_APART: Final = {*MEMBERS, "id", "fields"}
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


def document(record: logging.LogRecord, process: str) -> dict[str, Any]:
    """Return a record's line. `extra={"request_id": …}` and the like go before what is current.

    `extra={"fields": {…}}` adds further members, and `extra={"origin": …}` names another process,
    for which this one writes. Secrets are taken out here, where each text is as it was said:
    encoded, a quote or the end of a line before one looks like a part of it.
    """
    given: dict[str, Any] = record.__dict__
    more = cast("dict[str, Any]", given.get("fields") or {})
    around = current()
    line: dict[str, Any] = {
        "time": moment(record.created),
        "level": record.levelname.lower(),
        "logger": record.name,
        "process": given.get("origin") or process,
        "pid": record.process,
        "message": redact(record.getMessage()),
    }
    for name in ABOUT:
        value = given.get(name) or around.get(name)
        if value is not None:
            line[name] = value
    for name, value in more.items():
        line.setdefault(name, _redacted(value))
    if exception := _exception(record):
        line["exception"] = redact(exception)
    return line


def moment(seconds: float) -> str:
    """Return seconds since 1970 in the form of RFC 3339, in UTC, to the millisecond."""
    told = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return told.replace("+00:00", "Z")


class JsonLine(logging.Formatter):
    """One JSON object per line."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        return encoded(document(record, self._process))


class PlainLine(logging.Formatter):
    """A line for people: what could draw over others, or begin a line of its own, is escaped."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        return plain(document(record, self._process))


def plain(line: dict[str, Any]) -> str:
    """Return the line as people read it; further members stand in it, or in its `fields`."""
    level = str(line.get("level") or "").upper()
    told = {name: line.get(name) for name in ABOUT}
    told |= {name: value for name, value in line.items() if name not in _SHOWN_APART}
    told |= line.get("fields") or {}
    marks = " ".join(f"{name}={value}" for name, value in told.items() if value not in (None, ""))
    head = f"{line['time']} {level:<7} {line['process']}: {line['message']}"
    text = _visible(f"{head}  [{marks}]" if marks else head).replace("\n", "\\n")
    exception = line.get("exception")
    return f"{text}\n{_visible(str(exception))}" if exception else text


def encoded(line: dict[str, Any]) -> str:
    """Return the line as JSON, whatever stands in it."""
    try:
        return msgspec.json.encode(line).decode()
    except (TypeError, ValueError, UnicodeEncodeError):  # half a surrogate pair, an odd value
        return json.dumps(line, default=str)


def _redacted(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        members = cast("dict[Any, Any]", value)
        return {name: _redacted(member) for name, member in members.items()}
    if isinstance(value, list | tuple):
        return [_redacted(each) for each in cast("list[Any]", value)]
    return value


def _visible(text: str) -> str:
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def _exception(record: logging.LogRecord) -> str | None:
    told = record.__dict__.get("exception")
    if isinstance(told, str):
        return told
    if record.exc_info and record.exc_info[0] is not None:
        return logging.Formatter().formatException(record.exc_info)
    return None
