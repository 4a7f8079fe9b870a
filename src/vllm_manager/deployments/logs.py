"""Engines' output on disk: one file of JSON lines per incarnation, paged from the end."""

import asyncio
import logging
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

import orjson

from vllm_manager.deployments.reports import ReportBody, ReportedLine
from vllm_manager.deployments.schemas import LogLine
from vllm_manager.kit.paging import decode_cursor, encode_cursor
from vllm_manager.kit.redaction import LineRedactor

log = logging.getLogger(__name__)

_ROTATE_BYTES = 16 * 2**20
_KEPT_FILES = 20
_BLOCK_BYTES = 64 * 1024
_KNOWN_INCARNATIONS = 1000
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Which lines are wanted; `before` is a cursor, `text` must stand in the line."""

    limit: int
    replica: str | None = None
    attempt: int | None = None
    before: str | None = None
    text: str | None = None


class _KeptLine(LogLine):
    """A line as it lies in its file. `order` never goes back, as `at` does when a clock is set."""

    order: datetime


@dataclass(slots=True)
class _Known:
    """What is remembered of one incarnation's file; `next` is None where the file must be asked."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    next: int | None = None
    order: datetime = _LONG_AGO
    redactors: defaultdict[str, LineRedactor] = field(
        default_factory=lambda: defaultdict(LineRedactor)
    )
    """By stream: secrets that take several lines are seen by none of them."""


class LogStore:
    """Appends lines once each, by number, and survives restarts: the file says what it holds."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[str, _Known] = {}

    async def append(self, body: ReportBody) -> tuple[int, list[LogLine]]:
        """Keep the new lines of a report; return the number wanted next, and those lines.

        Lines that can't be written (a full disk) are asked for again; the report counts even so.
        """
        known = self._known.pop(body.incarnation, None) or _Known()
        self._known[body.incarnation] = known
        if len(self._known) > _KNOWN_INCARNATIONS:
            del self._known[next(iter(self._known))]
        async with known.lock:
            try:
                return await asyncio.to_thread(self._append, body, known)
            except OSError as error:
                log.warning("%s: log lines could not be kept: %s", body.deployment, error)
                return body.log[0].number if body.log else body.log_first, []

    async def page(self, uid: str, query: LogQuery) -> tuple[list[LogLine], str | None]:
        """Return the newest lines before the cursor, in order, and the cursor of the page above."""
        return await asyncio.to_thread(self._page, uid, query)

    def _append(self, body: ReportBody, known: _Known) -> tuple[int, list[LogLine]]:
        path = self._file(body)
        if known.next is None:
            known.next, known.order = _end_of(path)
        fresh = [line for line in body.log if line.number >= (known.next or 0)]
        lines = [_to_line(body, line, known.redactors[line.stream]) for line in fresh]
        wanted, known.next = known.next, None
        if lines:
            self._write(path, list(_kept(lines, known)))
            wanted = lines[-1].number + 1
        known.next = max(wanted, body.log_first)
        return known.next, lines

    def _write(self, path: Path, lines: Sequence[_KeptLine]) -> None:
        if not path.parent.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            _drop_oldest(path.parent)
        elif path.stat().st_size > _ROTATE_BYTES:
            path.replace(path.with_suffix(".old"))
        data = b"".join(orjson.dumps(line.model_dump(mode="json")) + b"\n" for line in lines)
        with path.open("a+b") as file:
            if file.tell():
                file.seek(-1, 2)
                if file.read(1) != b"\n":  # torn off by a crash or a full disk
                    data = b"\n" + data
            file.write(data)

    def _file(self, body: ReportBody) -> Path:
        safe = re.sub(r"[^\w-]", "_", f"{body.replica_id}-{body.incarnation}", flags=re.ASCII)
        name = f"{body.generation:06d}.{body.attempt:03d}.{safe[:80]}.jsonl"
        return self._root / re.sub(r"[^\w-]", "_", body.uid, flags=re.ASCII) / name

    def _page(self, uid: str, query: LogQuery) -> tuple[list[LogLine], str | None]:
        before = decode_cursor(query.before)
        found: list[_KeptLine] = []
        for path in _files(self._root / uid):
            found += _last_lines(path, query, before)
        found.sort(key=_key)
        page = found[-query.limit :]
        more = len(found) > query.limit
        cursor = encode_cursor(_key(page[0])) if more and page else None
        return [LogLine(**line.model_dump(exclude={"order"})) for line in page], cursor


def _to_line(body: ReportBody, line: ReportedLine, redacted: LineRedactor) -> LogLine:
    return LogLine(
        number=line.number,
        at=line.at,
        replica=body.replica_id,
        attempt=body.attempt,
        stream=line.stream,
        text=redacted(line.text),
    )


def _kept(lines: Sequence[LogLine], known: _Known) -> Iterator[_KeptLine]:
    for line in lines:
        known.order = max(known.order, line.at)
        yield _KeptLine(**line.model_dump(), order=known.order)


def _key(line: _KeptLine) -> str:
    """Lines of all replicas in the order of time, then of number."""
    moment = line.order.astimezone(UTC).isoformat(timespec="microseconds")
    return f"{moment}|{line.replica}|{line.number:012d}"


def _files(folder: Path) -> list[Path]:
    return sorted([*folder.glob("*.jsonl"), *folder.glob("*.old")])


def _drop_oldest(folder: Path) -> None:
    for path in _files(folder)[: -_KEPT_FILES + 1]:
        path.unlink(missing_ok=True)


def _end_of(path: Path) -> tuple[int, datetime]:
    """Return the number that follows the last line of a file, or of the one rotated before it."""
    for line in chain(_backwards(path), _backwards(path.with_suffix(".old"))):
        return line.number + 1, line.order
    return 1, _LONG_AGO


def _last_lines(path: Path, query: LogQuery, before: str | None) -> list[_KeptLine]:
    """Return up to one line more than the limit, newest first, so that a further page is known."""
    found: list[_KeptLine] = []
    for line in _backwards(path):
        if len(found) > query.limit:
            break
        if before is not None and _key(line) >= before:
            continue
        if _is_wanted(line, query):
            found.append(line)
    return found


def _is_wanted(line: LogLine, query: LogQuery) -> bool:
    if query.replica is not None and line.replica != query.replica:
        return False
    if query.attempt is not None and line.attempt != query.attempt:
        return False
    return query.text is None or query.text.lower() in line.text.lower()


def _backwards(path: Path) -> Iterator[_KeptLine]:
    """Yield the lines of a file from its end, reading block by block; torn lines are left out."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        position = file.seek(0, 2)
        rest = b""
        while position > 0:
            size = min(_BLOCK_BYTES, position)
            position -= size
            file.seek(position)
            block = file.read(size) + rest
            rest, *whole = block.split(b"\n") if position else (b"", *block.split(b"\n"))
            for raw in reversed(whole):
                line = _parse(raw)
                if line is not None:
                    yield line


def _parse(raw: bytes) -> _KeptLine | None:
    try:
        return _KeptLine.model_validate(orjson.loads(raw))
    except ValueError:
        return None
