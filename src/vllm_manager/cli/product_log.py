"""The product's log on the command line: from the server, or from its files where it is down."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
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
    _show(lines)
    known = {str(line["id"]) for line in lines}
    since = lines[-1]["time"] if lines else moment(time.time())
    while wanted.follow:
        time.sleep(_POLL_SECONDS)
        found = list(_newest(read, {**wanted.query, "from": since}, _PAGE))[::-1]
        fresh = unseen(found, known)
        _show(fresh)
        since = fresh[-1]["time"] if fresh else since


def unseen(lines: Iterable[Json], known: set[str]) -> list[Json]:
    """Return the lines whose ids are not known, and note them."""
    fresh = [line for line in lines if str(line["id"]) not in known]
    known.update(str(line["id"]) for line in fresh)
    return fresh


def _newest(read: Read, query: dict[str, Any], count: int) -> Iterator[Json]:
    cursor: str | None = None
    left = count
    while left > 0:
        items, cursor = read(**query, limit=min(left, _PAGE), cursor=cursor)
        yield from items
        left -= len(items)
        if cursor is None:
            return


def _show(lines: Iterable[Json]) -> None:
    for line in lines:
        text = plain(line)
        colour = _COLOURS.get(str(line.get("level")))
        out.print(escape(text), style=colour) if colour else out.print(text, markup=False)
    sys.stdout.flush()
