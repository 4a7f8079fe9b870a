"""The product's log on the command line: from the server, or from its files where it is down."""

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.markup import escape

from vllm_manager.cli.client import Client, Json, connect
from vllm_manager.cli.output import err, out, print_json
from vllm_manager.kit.errors import Problem
from vllm_manager.kit.logs import moment, plain
from vllm_manager.settings import Settings

_POLL_SECONDS = 1.0
_PATH = "/api/v1/logs"
_PAGE = 1000
_MOST_LINES = 50_000
"""Read at once while following; where still more has come, it is said."""
_LATE = timedelta(seconds=5)
"""A line may be written so much later than one of another process that has a later time."""
_COLOURS = {"warning": "yellow", "error": "red", "critical": "red", "debug": "dim"}

Page = tuple[Sequence[Json], str | None]
Read = Callable[..., Page]
"""Reads one page, newest first: takes the query's members and `cursor`."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be printed."""

    query: dict[str, Any]
    tail: int
    follow: bool
    as_json: bool


def print_product_log(wanted: Wanted, url: str | None, token: str | None) -> None:
    """Print the newest lines that are wanted, oldest of them first, and go on if asked to.

    Where no server was named and this machine's does not answer, its files are read instead.
    """
    try:
        with connect(url, token) as client:
            _print(_from_server(client), wanted)
    except Problem as problem:
        if not is_down(problem, url):
            raise
        print_from_files(wanted)


def is_down(problem: Problem, url: str | None) -> bool:
    """Whether this machine's own control plane does not answer, so that its files must do."""
    return url is None and problem.code in ("server_unreachable", "control_plane_away")


def print_from_files(wanted: Wanted) -> None:
    """Print what the files of this machine's home hold."""
    err.print("The server does not answer: this is what its files on this machine hold.")
    _print(_from_files(Settings()), wanted)


def _from_server(client: Client) -> Read:
    def read(**query: Any) -> Page:
        answer = client.get(_PATH, **query)
        return answer["items"], answer["next_cursor"]

    return read


def _from_files(settings: Settings) -> Read:
    # Imported here since it takes a while, and is hardly ever needed.
    from vllm_manager.monitoring.logs import EntryQuery, ProductLogs

    logs = ProductLogs(settings.logs_dir)

    def read(**query: Any) -> Page:
        since = query.get("from")
        page = logs.page(
            EntryQuery(
                limit=query["limit"],
                processes=frozenset(query.get("process") or ()),
                level=query.get("level"),
                text=query.get("q"),
                request_id=query.get("request_id"),
                deployment=query.get("deployment"),
                replica=query.get("replica"),
                since=None if since is None else datetime.fromisoformat(since),
            ),
            query.get("cursor"),
        )
        return [item.model_dump(mode="json") for item in page.items], page.next_cursor

    return read


def _print(read: Read, wanted: Wanted) -> None:
    lines = list(_newest(read, wanted.query, wanted.tail))[::-1]
    if wanted.as_json and not wanted.follow:
        print_json({"items": lines, "next_cursor": None})
        return
    _show(lines, as_json=wanted.as_json)
    newest = Newest.of(lines, datetime.now(UTC))
    while wanted.follow:
        time.sleep(_POLL_SECONDS)
        came = newest.take(read, wanted.query, datetime.now(UTC))
        _show(came, as_json=wanted.as_json)


@dataclass(slots=True)
class Newest:
    """The last seconds of what was shown: lines from `since` on, by their ids."""

    since: datetime
    known: set[str]

    @classmethod
    def of(cls, lines: Sequence[Json], now: datetime) -> "Newest":
        """Return what to go on from after `lines`, oldest first; none of them is older news."""
        made = cls(_time(lines[0]) if lines else now, set())
        made._note(lines, now)
        return made

    def take(self, read: Read, query: dict[str, Any], now: datetime) -> list[Json]:
        """Return the lines that came since, oldest first; one in front says if some are missing."""
        asked = {**query, "from": moment(self.since.timestamp())}
        found = list(_newest(read, asked, _MOST_LINES + 1))[::-1]
        fresh = [line for line in found if str(line["id"]) not in self.known]
        is_torn = len(fresh) > _MOST_LINES
        self._note(found, now)
        return [_gap(fresh[0]), *fresh] if is_torn else fresh

    def _note(self, lines: Sequence[Json], now: datetime) -> None:
        if lines:
            newest = min(now, max(map(_time, lines)))
            self.since = max(self.since, newest - _LATE)
        first = self.since - timedelta(milliseconds=1)  # asked for to the millisecond
        self.known = {str(line["id"]) for line in lines if _time(line) >= first}


def _gap(following: Json) -> Json:
    text = "… more lines came at once than are read here …"
    return {"id": "gap", "time": following["time"], "process": "logs", "message": text}


def _time(line: Json) -> datetime:
    return datetime.fromisoformat(str(line["time"]))


def _newest(read: Read, query: dict[str, Any], count: int) -> Iterator[Json]:
    cursor: str | None = None
    left = count
    while left > 0:
        items, cursor = read(**query, limit=min(left, _PAGE), cursor=cursor)
        yield from items
        left -= len(items)
        if cursor is None:
            return


def _show(lines: Iterable[Json], *, as_json: bool) -> None:
    for line in lines:
        if as_json:
            sys.stdout.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")
            continue
        text = plain(line)
        colour = _COLOURS.get(str(line.get("level")))
        out.print(escape(text), style=colour) if colour else out.print(text, markup=False)
    sys.stdout.flush()
