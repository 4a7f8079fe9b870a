"""Reads the product's log: pages from the newest line on, or all of it as a stream."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal

import orjson

from vllm_manager.deployments.logs import moment_of
from vllm_manager.kit.logs import moment, plain
from vllm_manager.kit.paging import Page, decode_cursor, encode_cursor
from vllm_manager.monitoring.logs.browser import BrowserErrors
from vllm_manager.monitoring.logs.query import EntryQuery, narrowed
from vllm_manager.monitoring.logs.schemas import LogEntry
from vllm_manager.monitoring.logs.sources import Found, sources

Form = Literal["text", "jsonl"]
_MOST_LINES: Final = 400_000
"""Looked at for one page; then the page ends early, with a cursor to go on from."""
_CHUNK_LINES: Final = 500


class ProductLogs:
    """Reads the files under one home. Its calls block: not for the event loop."""

    def __init__(self, logs_dir: Path) -> None:
        self._logs_dir = logs_dir

    def page(self, query: EntryQuery, cursor: str | None = None) -> Page[LogEntry]:
        """Return the newest entries before the cursor, newest first.

        Raises:
            Problem: the cursor is none (422).
        """
        before = decode_cursor(cursor)
        query = narrowed(query)
        until = moment_of(before)
        each = [source.newest_first(query, until) for source in sources(self._logs_dir, query)]
        merged = heapq.merge(*each, key=lambda found: found.key, reverse=True)
        entries, reached = _take(merged, query.limit, before)
        return Page(items=entries, next_cursor=None if reached is None else encode_cursor(reached))

    def stream(self, query: EntryQuery, form: Form) -> Iterator[bytes]:
        """Yield all entries that are wanted, oldest first, piece by piece."""
        query = narrowed(query)
        each = [source.oldest_first(query) for source in sources(self._logs_dir, query)]
        merged = heapq.merge(*each, key=lambda found: found.key)
        entries = (found.entry for found in merged if found.entry is not None)
        as_bytes = _as_json if form == "jsonl" else _as_text
        while chunk := list(islice(entries, _CHUNK_LINES)):
            yield b"".join(map(as_bytes, chunk))


@dataclass(frozen=True, slots=True)
class Logs:
    """What the routes of the log ask."""

    product: ProductLogs
    browser: BrowserErrors


def _take(
    merged: Iterator[Found], limit: int, before: str | None
) -> tuple[list[LogEntry], str | None]:
    """Return up to `limit` entries, and the key after which a further page begins."""
    entries: list[LogEntry] = []
    lines, last = 0, ""
    for found in merged:
        if before is not None and found.key >= before:
            continue
        lines += found.lines
        if found.entry is not None:
            if len(entries) == limit:
                return entries, last
            entries.append(found.entry)
            last = found.key
        if lines >= _MOST_LINES:
            return entries, found.key
    return entries, None


def _as_json(entry: LogEntry) -> bytes:
    told = entry.model_dump(mode="json", exclude_none=True, exclude={"id"})
    return orjson.dumps(told | told.pop("fields", {}), option=orjson.OPT_APPEND_NEWLINE)


def _as_text(entry: LogEntry) -> bytes:
    line: dict[str, Any] = entry.model_dump(mode="json")
    line["time"] = moment(entry.time.timestamp())
    return plain(line).encode("utf-8", "replace") + b"\n"
