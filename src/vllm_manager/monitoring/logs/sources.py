"""Where lines come from: the files of our processes, and the lives of engines; each in order."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from vllm_manager.deployments.logs import (
    KeptLine,
    Life,
    lives_in,
    names_in,
    newest_first,
    oldest_first,
)
from vllm_manager.kit.logs import KEPT_FILES, backwards, forwards, log_file, older
from vllm_manager.monitoring.logs.entries import of_engine, of_process, time_in
from vllm_manager.monitoring.logs.query import EntryQuery
from vllm_manager.monitoring.logs.schemas import LogEntry

ENGINES: Final = "engines"
_MARK_EVERY: Final = 2000
"""After so many lines that are not wanted, it is told how far the reading has come."""
_FUTURE: Final = datetime(9999, 1, 1, tzinfo=UTC)
_PAST: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Found(NamedTuple):
    """How far a source was read, with the entry there if it is wanted."""

    key: str
    entry: LogEntry | None
    lines: int
    """Lines looked at since the one before."""


@dataclass(frozen=True, slots=True)
class ProcessFiles:
    """The present file of a process and the older ones beside it."""

    process: str
    path: Path

    def files(self) -> list[Path]:
        """Return the files that there are, newest first."""
        paths = (self.path, *(older(self.path, n) for n in range(1, KEPT_FILES + 1)))
        return [path for path in paths if path.exists()]

    def newest_first(self, query: EntryQuery, until: datetime | None = None) -> Iterator[Found]:
        """Yield what is wanted from the newest line on, keys never growing.

        What is placed after `until` was told before: it is passed over, files whole.
        """
        order, passed = _FUTURE, 0
        for path in self.files():
            if query.since is not None and _modified(path) < query.since:
                return
            tag = _first_time(path)
            if query.until is not None and tag >= query.until:
                continue
            if until is not None and tag > until:
                order = min(order, tag)
                continue
            modified, place = _modified(path), _place(path)
            for offset, raw in backwards(path):
                passed += 1
                if not raw or not (query.may_hold(raw) or passed >= _MARK_EVERY):
                    continue
                order = min(order, modified, time_in(raw) or _FUTURE)
                if query.since is not None and order < query.since:
                    return
                if until is not None and order > until:
                    passed = 0
                    continue
                key = f"{_moment(order)}|{self.process}|{_moment(tag)}|{offset:012d}"
                entry = of_process(raw, self.process, f"{place}.{offset}", order)
                yield Found(key, entry if query.wants(entry) else None, passed)
                passed = 0

    def oldest_first(self, query: EntryQuery) -> Iterator[Found]:
        """Yield what is wanted from the oldest line on, keys never shrinking."""
        order = _PAST
        for path in reversed(self.files()):
            if query.since is not None and _modified(path) < query.since:
                continue
            tag = _first_time(path)
            order, place = max(order, tag), _place(path)
            for offset, raw in forwards(path):
                if not raw or not query.may_hold(raw):
                    continue
                order = max(order, time_in(raw) or _PAST)
                if query.until is not None and order >= query.until:
                    return
                entry = of_process(raw, self.process, f"{place}.{offset}", order)
                if query.wants(entry):
                    key = f"{_moment(order)}|{self.process}|{_moment(tag)}|{offset:012d}"
                    yield Found(key, entry, 1)


@dataclass(frozen=True, slots=True)
class EngineLife:
    """What one replica's engine printed in one life."""

    deployment: str
    life: Life

    def newest_first(self, query: EntryQuery, until: datetime | None = None) -> Iterator[Found]:
        """Yield what is wanted from the newest line on, keys never growing."""
        passed = 0
        for line in newest_first(self.life, until):
            if until is not None and line.order > until:
                continue
            passed += 1
            if query.since is not None and line.order < query.since:
                return
            is_wanted = _may_want(line, query)
            if not is_wanted and passed < _MARK_EVERY:
                continue
            yield self._found(line, query, passed)
            passed = 0

    def oldest_first(self, query: EntryQuery) -> Iterator[Found]:
        """Yield what is wanted from the oldest line on, keys never shrinking."""
        for line in oldest_first(self.life):
            if query.until is not None and line.order >= query.until:
                return
            if _may_want(line, query):
                found = self._found(line, query, 1)
                if found.entry is not None:
                    yield found

    def _found(self, line: KeptLine, query: EntryQuery, passed: int) -> Found:
        key = f"{_moment(line.order)}|engine|{self.life.stem}|{line.number:012d}"
        name = f"{self.life.stem}.{line.number}"
        entry = of_engine(line, self.deployment, name)
        return Found(key, entry if query.wants(entry) else None, passed)


Source = ProcessFiles | EngineLife


def sources(logs_dir: Path, query: EntryQuery) -> list[Source]:
    """Return where lines that are asked for may stand."""
    found: list[Source] = []
    if query.has_processes and logs_dir.is_dir():
        names = {path.name.split(".", 1)[0] for path in logs_dir.glob("*.log*")}
        names.discard("")  # lock files
        found += [ProcessFiles(name, log_file(logs_dir, name)) for name in sorted(names)]
    if query.has_engines:
        root = logs_dir / ENGINES
        for folder, name in names_in(root).items():
            if query.deployment in (None, name):
                found += _lives(root / folder, name, query)
    return found


def _lives(folder: Path, name: str, query: EntryQuery) -> list[Source]:
    since = query.since.timestamp() if query.since else 0.0
    return [EngineLife(name, life) for life in lives_in(folder) if life.touched() >= since]


def _may_want(line: KeptLine, query: EntryQuery) -> bool:
    if query.request_id is not None and query.request_id not in line.text:
        return False
    return query.text is None or query.text.lower() in line.text.lower()


def _first_time(path: Path) -> datetime:
    """Return when a file began, which places it among the others of its process for ever."""
    for _, raw in forwards(path):
        if (told := time_in(raw)) is not None:
            return told
        break
    return _PAST


def _place(path: Path) -> str:
    """Return what names a file for as long as it exists, whatever it is called."""
    try:
        return f"{path.name.split('.', 1)[0]}.{path.stat().st_ino:x}"
    except OSError:
        return path.name


def _modified(path: Path) -> datetime:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:
        return _PAST


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
