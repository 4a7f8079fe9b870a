"""`logs`: what the engines of a deployment wrote, and what the product's own processes did."""

import json
import sys
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Annotated, Literal

import typer
from rich.markup import escape

from vllm_manager.cli.client import (
    Client,
    Json,
    JsonOption,
    TokenOption,
    UrlOption,
    as_object,
    connect,
    deployment_path,
)
from vllm_manager.cli.deployments import age
from vllm_manager.cli.output import elapsed, out, print_json, print_table, size, state
from vllm_manager.cli.product_log import Wanted, is_down, print_from_files, print_product_log
from vllm_manager.kit.errors import Problem

_POLL_SECONDS = 0.5
_PAGE = 500
_MOST_PAGES = 80
"""Read upwards at once; where still more has come, it is said."""
_TAIL = 100
_TAIL_HELP = f"Lines from the end. Default: {_TAIL}."
_Source = tuple[str, int]

Level = Literal["debug", "info", "warning", "error", "critical"]


def _source(line: Json) -> _Source:
    return str(line["replica"]), int(line["attempt"])


def unseen(lines: Iterable[Json], seen: dict[_Source, int]) -> list[Json]:
    """Return the lines that are newer than what was seen of their replica, and note them."""
    fresh: list[Json] = []
    for line in lines:
        source = _source(line)
        if int(line["number"]) > seen.get(source, -1):
            seen[source] = int(line["number"])
            fresh.append(line)
    return fresh


def newly_come(read: Callable[[object], Json], seen: dict[_Source, int]) -> list[Json]:
    """Return the lines that came after what was seen, oldest first, and note them.

    `read` gives the page before a cursor (None: the newest). Pages are read upwards until one
    holds nothing new; where that takes too many, a line in front says that some are missing.
    """
    found: list[Json] = []
    before: object = None
    for _ in range(_MOST_PAGES):
        page = read(before)
        fresh = unseen(page["items"], dict(seen))
        found = [*fresh, *found]
        before = page.get("next_cursor")
        if before is None or not fresh:
            return unseen(found, seen)
    text = "… more lines came at once than are read here: `--all` has them …"
    return [{**found[0], "stream": "gap", "text": text}, *unseen(found, seen)]


class _Printer:
    """Prints lines; marks whose they are once there are several replicas."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._replicas: set[str] = set()

    def __call__(self, lines: Iterable[Json]) -> None:
        lines = list(lines)
        self._replicas |= {str(line["replica"]) for line in lines}
        for line in lines:
            if self._as_json:
                sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
                continue
            mark = f"[{line['replica']}] " if len(self._replicas) > 1 else ""
            out.print(mark + str(line["text"]), markup=False)
        sys.stdout.flush()


def _refuse_beside(what: str, **options: object) -> None:
    """Refuse options that were given and would mean nothing beside `what`."""
    given = [f"--{name}" for name, value in options.items() if value not in (None, False)]
    if given:
        raise typer.BadParameter(f"{' and '.join(given)} can't be together with {what}.")


def logs(
    name: Annotated[
        str | None,
        typer.Argument(help="A deployment. Without it: the product's own processes."),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines come.")] = False,
    replica: Annotated[str | None, typer.Option(help="Only this replica's.")] = None,
    attempt: Annotated[int | None, typer.Option(min=1, help="Only this try's.")] = None,
    attempts: Annotated[
        bool, typer.Option("--attempts", help="List the tries, and how each ended.")
    ] = False,
    tail: Annotated[int | None, typer.Option(min=0, max=100_000, help=_TAIL_HELP)] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that is kept.")] = False,
    search: Annotated[str | None, typer.Option(help="Text in the line.")] = None,
    process: Annotated[
        list[str] | None,
        typer.Option(help="gateway, control-plane, steward, ray, browser, engine; repeatable."),
    ] = None,
    request: Annotated[
        str | None, typer.Option(help="Follow one request by its id through every process.")
    ] = None,
    level: Annotated[Level | None, typer.Option(help="The least one.")] = None,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a log, newest lines last: a deployment's, or the product's own."""
    query = {"replica": replica, "attempt": attempt, "q": search}
    own = {"attempt": attempt, "attempts": attempts, "all": everything}
    lines = _TAIL if tail is None else tail
    if name is None or process or request or level:
        _refuse_beside("the product's log (no name, --process, --request, --level)", **own)
        product = {"process": process, "request_id": request, "level": level}
        product |= {"deployment": name, "replica": replica, "q": search}
        print_product_log(Wanted(product, lines, follow, as_json), url, token)
        return
    if attempts:
        rest = {"attempt": attempt, "all": everything, "replica": replica, "search": search}
        _refuse_beside("--attempts", follow=follow, tail=tail is not None, **rest)
    if everything:
        _refuse_beside("--all", follow=follow, tail=tail is not None)
    show = _list_attempts if attempts else _print_all if everything else _print_tail
    try:
        with connect(url, token) as client:
            show(client, name, Wanted(query, lines, follow, as_json))
    except Problem as problem:
        if not is_down(problem, url) or any(own.values()):
            raise
        asked = {"process": ["engine"], "deployment": name, "replica": replica, "q": search}
        print_from_files(Wanted(asked, lines, follow, as_json))


def _print_tail(client: Client, name: str, wanted: Wanted) -> None:
    seen = _held(client, name) if wanted.follow else {}
    lines = _last(client, name, wanted.query, wanted.tail)
    if wanted.as_json and not wanted.follow:
        print_json({"items": lines, "next_cursor": None})
        return
    show = _Printer(as_json=wanted.as_json)
    show(lines)
    unseen(lines, seen)
    while wanted.follow:
        time.sleep(_POLL_SECONDS)
        show(newly_come(partial(_page, client, name, wanted.query), seen))


def _page(client: Client, name: str, query: Json, before: object) -> Json:
    return client.get(deployment_path(name, "logs"), limit=_PAGE, before=before, **query)


def _held(client: Client, name: str) -> dict[_Source, int]:
    """Return the number of the newest line of each try: what came before is no news."""
    tries = client.get(deployment_path(name, "logs", "attempts"))["items"]
    return {_source(one): int(one["lines"]) for one in tries}


def _last(client: Client, name: str, query: Json, tail: int) -> list[Json]:
    """Return the newest lines, page by page upwards."""
    found: list[Json] = []
    before: object = None
    while len(found) < tail:
        asked = {"limit": min(tail - len(found), 1000), "before": before, **query}
        page = client.get(deployment_path(name, "logs"), **asked)
        found = [*page["items"], *found]
        before = page.get("next_cursor")
        if before is None:
            break
    return found


def _print_all(client: Client, name: str, wanted: Wanted) -> None:
    words = {**wanted.query, "format": "jsonl" if wanted.as_json else "text"}
    path = deployment_path(name, "logs", "download")
    with client.lines("GET", path, query=words) as lines:
        for line in lines:
            sys.stdout.write(line + "\n")


def _list_attempts(client: Client, name: str, wanted: Wanted) -> None:
    found = client.get(deployment_path(name, "logs", "attempts"))
    if wanted.as_json:
        print_json(found)
        return
    columns = ("REPLICA", "START", "TRY", "BEGAN", "LASTED", "STATE", "LINES", "SIZE")
    tries: list[Json] = found["items"]
    print_table(columns, [_row(one) for one in tries])
    for one in tries:
        if failure := as_object(one.get("failure")):
            out.print(f"  {escape(one['replica'])}: {escape(failure['detail'])}")


def _row(one: Json) -> list[str]:
    dropped = f" ({one['lines_dropped']:,} dropped)" if one["lines_dropped"] else ""
    return [
        escape(str(one["replica"])),
        str(one["generation"]),
        str(one["attempt"]),
        f"{age(one['began_at'])} ago",
        _lasted(one),
        state(str(one["state"])),
        f"{one['lines']:,}{dropped}",
        size(one["size_bytes"]),
    ]


def _lasted(one: Json) -> str:
    if one["ended_at"] is None:
        return "goes on"
    began, ended = (datetime.fromisoformat(one[key]) for key in ("began_at", "ended_at"))
    return elapsed((ended - began).total_seconds())
