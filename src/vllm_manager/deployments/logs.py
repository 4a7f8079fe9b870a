"""Engines' output on disk: one file of JSON lines per incarnation, paged from the end."""

import asyncio
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from vllm_manager.deployments.reports import ReportBody, ReportedLine
from vllm_manager.deployments.schemas import LogLine
from vllm_manager.kit.paging import decode_cursor, encode_cursor

_ROTATE_BYTES = 16 * 2**20
_KEPT_FILES = 20
_BLOCK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Which lines are wanted; `before` is a cursor, `text` must stand in the line."""

    limit: int
    replica: str | None = None
    attempt: int | None = None
    before: str | None = None
    text: str | None = None


class LogStore:
    """Appends lines once each, by number, and survives restarts: the file says what it holds."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._next: dict[str, int] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def append(self, body: ReportBody) -> tuple[int, list[LogLine]]:
        """Keep the new lines of a report; return the number wanted next, and those lines."""
        async with self._locks.setdefault(body.incarnation, asyncio.Lock()):
            return await asyncio.to_thread(self._append, body)

    async def page(self, uid: str, query: LogQuery) -> tuple[list[LogLine], str | None]:
        """Return the newest lines before the cursor, in order, and the cursor of the page above."""
        return await asyncio.to_thread(self._page, uid, query)

    def forget(self, incarnations: Iterable[str]) -> None:
        """Release what is held in memory for incarnations that are over. Files stay."""
        for incarnation in incarnations:
            self._next.pop(incarnation, None)
            self._locks.pop(incarnation, None)

    def _append(self, body: ReportBody) -> tuple[int, list[LogLine]]:
        path = self._file(body)
        wanted = self._next.get(body.incarnation)
        if wanted is None:
            wanted = _next_number(path)
        fresh = [line for line in body.log if line.number >= wanted]
        lines = [_to_line(body, line) for line in fresh]
        if lines:
            self._write(path, lines)
            wanted = lines[-1].number + 1
        wanted = max(wanted, body.log_first)
        self._next[body.incarnation] = wanted
        return wanted, lines

    def _write(self, path: Path, lines: Sequence[LogLine]) -> None:
        if not path.parent.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            _drop_oldest(path.parent)
        elif path.stat().st_size > _ROTATE_BYTES:
            path.replace(path.with_suffix(".old"))
        with path.open("ab") as file:
            file.write(
                b"".join(orjson.dumps(line.model_dump(mode="json")) + b"\n" for line in lines)
            )

    def _file(self, body: ReportBody) -> Path:
        safe = re.sub(r"[^\w-]", "_", f"{body.replica_id}-{body.incarnation}", flags=re.ASCII)
        name = f"{body.generation:06d}.{body.attempt:03d}.{safe[:80]}.jsonl"
        return self._root / re.sub(r"[^\w-]", "_", body.uid, flags=re.ASCII) / name

    def _page(self, uid: str, query: LogQuery) -> tuple[list[LogLine], str | None]:
        before = decode_cursor(query.before)
        found: list[LogLine] = []
        for path in _files(self._root / uid):
            found += _last_lines(path, query, before)
        found.sort(key=_key)
        page = found[-query.limit :]
        more = len(found) > query.limit
        return page, encode_cursor(_key(page[0])) if more and page else None


def _to_line(body: ReportBody, line: ReportedLine) -> LogLine:
    return LogLine(
        number=line.number,
        at=line.at,
        replica=body.replica_id,
        attempt=body.attempt,
        stream=line.stream,
        text=line.text,
    )


def _key(line: LogLine) -> str:
    """Lines of all replicas in the order of time, then of number."""
    return f"{line.at.isoformat(timespec='microseconds')}|{line.replica}|{line.number:012d}"


def _files(folder: Path) -> list[Path]:
    return sorted([*folder.glob("*.jsonl"), *folder.glob("*.old")])


def _drop_oldest(folder: Path) -> None:
    for path in _files(folder)[: -_KEPT_FILES + 1]:
        path.unlink(missing_ok=True)


def _next_number(path: Path) -> int:
    for line in _backwards(path):
        return line.number + 1
    return 1


def _last_lines(path: Path, query: LogQuery, before: str | None) -> list[LogLine]:
    """Return up to one line more than the limit, newest first, so that a further page is known."""
    found: list[LogLine] = []
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


def _backwards(path: Path) -> Iterator[LogLine]:
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


def _parse(raw: bytes) -> LogLine | None:
    try:
        return LogLine.model_validate(orjson.loads(raw))
    except ValueError:
        return None
