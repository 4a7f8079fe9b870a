"""Takes engines' output in: each line once, by number, over restarts, crashes and full disks."""

import asyncio
import logging
import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from vllm_manager.deployments.logs import about, files, reading
from vllm_manager.deployments.logs.files import Life
from vllm_manager.deployments.logs.lines import (
    LONG_AGO,
    KeptLine,
    as_line,
    encoder,
    kept_lines,
    with_gaps,
)
from vllm_manager.deployments.logs.reading import Form, LogQuery
from vllm_manager.deployments.reports import ReportBody, parse
from vllm_manager.deployments.schemas import LogAttempt, LogLine
from vllm_manager.kit.clock import Clock, SystemClock
from vllm_manager.kit.paging import decode_cursor
from vllm_manager.kit.redaction import LineRedactor

log = logging.getLogger(__name__)

_KNOWN_LIVES: Final = 1000
_TOUCH_SECONDS: Final = 30.0
_LONG_REPORT_BYTES: Final = 16 << 10
_LARGEST_BYTES: Final = 256 << 20


@dataclass(frozen=True, slots=True)
class LogCounts:
    """Lines of one replica's life since this process first heard of it."""

    deployment: str
    replica: str
    lines: int
    dropped: int


@dataclass(slots=True)
class _Known:
    """What is remembered of one life; `next` is None where its files must be asked."""

    life: Life
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    next: int | None = None
    order: datetime = LONG_AGO
    told: about.About | None = None
    touched: float = 0.0
    lines: int = 0
    dropped: int = 0
    redactors: defaultdict[str, LineRedactor] = field(
        default_factory=lambda: defaultdict(LineRedactor)
    )
    """By stream: secrets that take several lines are seen by none of them."""


class LogStore:
    """Appends lines once each, by number, and survives restarts: the files say what they hold.

    One thread writes, so that however much the engines print, the loop waits for no more than it.
    """

    def __init__(
        self, root: Path, clock: Clock | None = None, largest_bytes: int = _LARGEST_BYTES
    ) -> None:
        self.root = root
        self._clock = clock or SystemClock()
        self._bounds = files.Bounds(largest_bytes)
        self._known: dict[str, _Known] = {}
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="engine-logs")

    async def read(self, raw: bytes) -> ReportBody:
        """Return the report in a request's body; long ones are read beside the loop.

        By the thread that writes: a second one would make the loop wait twice as long for its turn.

        Raises:
            Problem: it is none (422).
        """
        if len(raw) <= _LONG_REPORT_BYTES:
            return parse(raw)
        return await asyncio.get_running_loop().run_in_executor(self._writer, parse, raw)

    async def append(self, body: ReportBody) -> tuple[int, Sequence[KeptLine]]:
        """Keep the new lines of a report; return the number wanted next, and those lines.

        Lines that can't be written (a full disk) are asked for again; the report counts even so.
        """
        known = self._remembered(body)
        async with known.lock:
            if not body.log and known.next is not None and self._is_old_news(body, known):
                return known.next, ()
            loop = asyncio.get_running_loop()
            try:
                return await loop.run_in_executor(self._writer, self._append, body, known)
            except OSError as error:
                log.warning("%s: log lines could not be kept: %s", body.deployment, error)
                return body.log[0].number if body.log else body.log_first, ()

    async def page(self, uid: str, query: LogQuery) -> tuple[list[LogLine], str | None]:
        """Return the newest lines before the cursor, in order, and the cursor of the page above."""
        before = decode_cursor(query.before)
        folder = files.folder_of(self.root, uid)
        lines, cursor = await asyncio.to_thread(reading.page, folder, query, before)
        return [as_line(line) for line in lines], cursor

    def stream(self, uid: str, query: LogQuery, form: Form) -> Iterator[bytes]:
        """Yield all that is kept, oldest line first. Reads files: not for the event loop."""
        return reading.stream(files.folder_of(self.root, uid), query, form)

    async def attempts(self, uid: str, heard: Collection[str]) -> list[LogAttempt]:
        """Return every life of a deployment's replicas, newest first; `heard`: who reports now."""
        folder = files.folder_of(self.root, uid)
        newest = {
            known.told.incarnation: known.told for known in self._known.values() if known.told
        }
        return await asyncio.to_thread(_attempts, folder, heard, newest)

    async def uid_of(self, name: str) -> str | None:
        """Return the uid of the newest deployment of this name whose output is kept."""
        return await asyncio.to_thread(_uid_of, self.root, name)

    async def forget(self, known: Collection[str], seconds: float) -> None:
        """Remove what deployments that are gone wrote, `seconds` after their last line."""
        before = self._clock.now().timestamp() - seconds
        await asyncio.to_thread(files.forget, self.root, known, before)

    def counts(self) -> Sequence[LogCounts]:
        """Return the lines of each replica heard lately, kept and dropped."""
        return [
            LogCounts(known.told.deployment, known.told.replica, known.lines, known.dropped)
            for known in self._known.values()
            if known.told is not None
        ]

    def _remembered(self, body: ReportBody) -> _Known:
        known = self._known.pop(body.incarnation, None)
        if known is None:
            known = _Known(
                files.life_of(
                    self.root,
                    body.uid,
                    body.generation,
                    body.attempt,
                    body.replica_id,
                    body.incarnation,
                )
            )
        self._known[body.incarnation] = known
        if len(self._known) > _KNOWN_LIVES:
            del self._known[next(iter(self._known))]
        return known

    def _is_old_news(self, body: ReportBody, known: _Known) -> bool:
        """Whether a report without lines tells nothing that should be written down."""
        told = known.told
        is_same = told is not None and (told.phase, told.failure is None) == (
            body.phase,
            body.failure is None,
        )
        is_touched = self._clock.monotonic() - known.touched < _TOUCH_SECONDS
        return is_same and is_touched and body.log_first <= (known.next or 0)

    def _append(self, body: ReportBody, known: _Known) -> tuple[int, Sequence[KeptLine]]:
        if known.next is None:
            known.next, known.order = reading.end_of(known.life)
        wanted, known.next = known.next, None
        for line in body.log:
            if line.number >= wanted:
                line.text = known.redactors[line.stream](line.text)
        lines = kept_lines(body, wanted, known.order)
        following = max(lines[-1].number + 1 if lines else wanted, body.log_first)
        dropped = following - wanted - len(lines)
        began = False
        if lines:
            began = known.life.append(encoder.encode_lines(lines), self._bounds)
            known.order = lines[-1].order
        known.next = following
        known.lines += len(lines)
        known.dropped += dropped
        try:  # the lines are kept: whoever follows gets them, whatever is true of the rest
            if began:
                files.bound(known.life.folder, self._bounds, known.life)
            self._note(body, known, dropped)
        except OSError as error:
            log.warning("%s: how the try goes could not be kept: %s", body.deployment, error)
        return following, list(with_gaps(lines, wanted)) if lines else ()

    def _note(self, body: ReportBody, known: _Known, dropped: int) -> None:
        """Write down how the life goes, where that has changed."""
        before = known.told or about.read(known.life)
        began_at = before.began_at if before else self._clock.now()
        dropped += before.lines_dropped if before else 0
        told = about.about(body, began_at, (known.next or 1) - 1, dropped)
        is_news = before is None or (before.phase, before.failure, before.lines_dropped) != (
            told.phase,
            told.failure,
            told.lines_dropped,
        )
        now = self._clock.monotonic()
        is_due = is_news or now - known.touched >= _TOUCH_SECONDS or known.told is None
        known.told = told  # before it is written: what was dropped is told once alone
        if is_due:
            known.touched = -math.inf  # where it can't be written, it is tried again
            about.write(known.life, told)
            known.touched = now


def _attempts(
    folder: Path, heard: Collection[str], newest: Mapping[str, about.About]
) -> list[LogAttempt]:
    """What was written down may be some seconds older than what is known in `newest`."""
    found = [(life, about.read(life)) for life in files.lives_in(folder)]
    attempts = [
        about.attempt_of(
            life, newest.get(told.incarnation, told), is_heard=told.incarnation in heard
        )
        for life, told in found
        if told is not None
    ]
    return sorted(attempts, key=lambda attempt: attempt.began_at, reverse=True)


def _uid_of(root: Path, name: str) -> str | None:
    newest: tuple[float, str] | None = None
    for uid, found in names_in(root).items():
        touched = max((life.touched() for life in files.lives_in(root / uid)), default=0.0)
        if found == name and (newest is None or touched > newest[0]):
            newest = (touched, uid)
    return newest[1] if newest else None


def names_in(root: Path) -> Mapping[str, str]:
    """Return the name of the deployment of each folder."""
    names: dict[str, str] = {}
    for folder in root.iterdir() if root.is_dir() else ():
        for life in reversed(files.lives_in(folder)):
            if (told := about.read(life)) is not None:
                names[folder.name] = told.deployment
                break
    return names
