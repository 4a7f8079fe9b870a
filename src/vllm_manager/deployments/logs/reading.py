"""Reads engines' output back: pages from the end, whole attempts as a stream."""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from typing import Final, Literal

from vllm_manager.deployments.logs.files import Life, lives_in
from vllm_manager.deployments.logs.lines import (
    GAP,
    LONG_AGO,
    KeptLine,
    backwards_with_gaps,
    encoder,
    key_of,
    moment_of,
    parse,
    with_gaps,
)
from vllm_manager.kit.logs import backwards, forwards
from vllm_manager.kit.paging import encode_cursor

Form = Literal["text", "jsonl"]
_CHUNK_LINES: Final = 500
_MOST_LINES: Final = 100_000
"""Looked at for one page; then the page ends early, with a cursor to go on from."""


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Which lines are wanted; `before` is a cursor, `text` must stand in the line."""

    limit: int
    replica: str | None = None
    attempt: int | None = None
    before: str | None = None
    text: str | None = None
    generation: int | None = None


def page(
    folder: Path, query: LogQuery, before: str | None
) -> tuple[Sequence[KeptLine], str | None]:
    """Return the newest lines before the key `before`, in order, and the cursor of the page above.

    The page may be short, or empty, and still have a cursor: where few of many lines are wanted.
    """
    until = moment_of(before)
    lives = _wanted_lives(folder, query)
    each = [backwards_with_gaps(newest_first(life, until)) for life in lives]
    merged = heapq.merge(*each, key=key_of, reverse=True)
    below = (line for line in merged if before is None or key_of(line) < before)
    newest: list[KeptLine] = []
    reached: KeptLine | None = None
    for looked, line in enumerate(below, start=1):
        if _is_wanted(line, query):
            if len(newest) == query.limit:
                reached = newest[-1]
                break
            newest.append(line)
        if looked == _MOST_LINES:
            reached = line
            break
    return newest[::-1], encode_cursor(key_of(reached)) if reached else None


def stream(folder: Path, query: LogQuery, form: Form) -> Iterator[bytes]:
    """Yield everything that is kept of the wanted lives, oldest line first, piece by piece."""
    lives = _wanted_lives(folder, query)
    several = len(lives) > 1
    lines = heapq.merge(*(with_gaps(oldest_first(life), 1) for life in lives), key=key_of)
    wanted = (line for line in lines if _is_wanted(line, query))
    while chunk := list(islice(wanted, _CHUNK_LINES)):
        yield encoder.encode_lines(chunk) if form == "jsonl" else _as_text(chunk, several)


def end_of(life: Life) -> tuple[int, datetime]:
    """Return the number that follows the newest line that is kept, and its place in time."""
    for line in newest_first(life):
        return line.number + 1, line.order
    return 1, LONG_AGO


def _as_text(lines: Iterable[KeptLine], several: bool) -> bytes:
    texts = (
        f"{line.at.isoformat(timespec='milliseconds').replace('+00:00', 'Z')} "
        + (f"[{line.replica} #{line.attempt}] " if several else "")
        + line.text
        for line in lines
    )
    return "".join(f"{text}\n" for text in texts).encode("utf-8", "replace")


def _wanted_lives(folder: Path, query: LogQuery) -> list[Life]:
    return [
        life
        for life in lives_in(folder)
        if query.attempt in (None, life.attempt) and query.generation in (None, life.generation)
    ]


def _is_wanted(line: KeptLine, query: LogQuery) -> bool:
    if query.replica is not None and line.replica != query.replica:
        return False
    if query.text is None:
        return True
    return line.stream != GAP and query.text.lower() in line.text.lower()


def newest_first(life: Life, until: datetime | None = None) -> Iterator[KeptLine]:
    """Yield the lines that are kept of a life from the newest on.

    Files of which every line is placed after `until` are not read.
    """
    paths = [path for path in reversed(life.files()) if until is None or _begins(path) <= until]
    return _parsed(chain.from_iterable(map(backwards, paths)))


def _begins(path: Path) -> datetime:
    """Return the place in time of a file's first line."""
    return next((line.order for line in _parsed(forwards(path))), LONG_AGO)


def oldest_first(life: Life) -> Iterator[KeptLine]:
    """Yield the lines that are kept of a life from the oldest on."""
    return _parsed(chain.from_iterable(forwards(path) for path in life.files()))


def _parsed(raw: Iterable[tuple[int, bytes]]) -> Iterator[KeptLine]:
    return (line for line in (parse(one) for _, one in raw) if line is not None)
