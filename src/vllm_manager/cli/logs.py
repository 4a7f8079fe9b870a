"""`logs`: what the engines of a deployment wrote, and what the product's own processes did."""

import sys
import time
from collections.abc import Iterable
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
from vllm_manager.cli.output import out, print_json, print_table, size, state
from vllm_manager.cli.product_log import Wanted, is_down, print_from_files, print_product_log
from vllm_manager.kit.errors import Problem

_POLL_SECONDS = 0.5
_PAGE = 500
_Source = tuple[str, int]

Level = Literal["debug", "info", "warning", "error", "critical"]


def _source(line: Json) -> _Source:
    return str(line["replica"]), int(line["attempt"])


def _page(client: Client, name: str, limit: int, query: Json) -> list[Json]:
    return client.get(deployment_path(name, "logs"), limit=limit, **query)["items"]


def unseen(lines: Iterable[Json], seen: dict[_Source, int]) -> list[Json]:
    """Return the lines that are newer than what was seen of their replica, and note them."""
    fresh: list[Json] = []
    for line in lines:
        source = _source(line)
        if int(line["number"]) > seen.get(source, -1):
            seen[source] = int(line["number"])
            fresh.append(line)
    return fresh


def _print(lines: Iterable[Json], *, with_replica: bool) -> None:
    for line in lines:
        mark = f"[{line['replica']}] " if with_replica else ""
        out.print(mark + str(line["text"]), markup=False)


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
    tail: Annotated[int, typer.Option(min=0, max=100_000, help="Lines from the end.")] = 100,
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
    if name is None or process or request or level:
        product = {"process": process, "request_id": request, "level": level}
        product |= {"deployment": name, "replica": replica, "q": search}
        print_product_log(Wanted(product, tail, follow, as_json), url, token)
        return
    try:
        with connect(url, token) as client:
            if attempts:
                _list_attempts(client, name, as_json=as_json)
            elif everything:
                _print_all(client, name, query, as_json=as_json)
            else:
                _print_tail(client, name, query, tail, follow=follow, as_json=as_json)
    except Problem as problem:
        if not is_down(problem, url):
            raise
        own = {"process": ["engine"], "deployment": name, "replica": replica, "q": search}
        print_from_files(Wanted(own, tail, follow, as_json))


def _print_tail(
    client: Client, name: str, query: Json, tail: int, *, follow: bool, as_json: bool
) -> None:
    lines = _last(client, name, query, tail)
    if as_json:
        print_json({"items": lines, "next_cursor": None})
        return
    several = len({line["replica"] for line in lines}) > 1
    seen: dict[_Source, int] = {}
    _print(unseen(lines, seen), with_replica=several)
    while follow:
        time.sleep(_POLL_SECONDS)
        _print(unseen(_page(client, name, _PAGE, query), seen), with_replica=several)


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


def _print_all(client: Client, name: str, query: Json, *, as_json: bool) -> None:
    words = {**query, "format": "jsonl" if as_json else "text"}
    path = deployment_path(name, "logs", "download")
    with client.lines("GET", path, query=words) as lines:
        for line in lines:
            sys.stdout.write(line + "\n")


def _list_attempts(client: Client, name: str, *, as_json: bool) -> None:
    found = client.get(deployment_path(name, "logs", "attempts"))
    if as_json:
        print_json(found)
        return
    columns = ["Replica", "Start", "Try", "Began", "Ended", "State", "Lines", "Dropped", "Size"]
    print_table([*columns, "Why"], [_row(one) for one in found["items"]])


def _row(one: Json) -> list[str]:
    failure = as_object(one.get("failure")) or {}
    return [
        escape(str(one["replica"])),
        str(one["generation"]),
        str(one["attempt"]),
        str(one["began_at"])[:19],
        str(one["ended_at"] or "")[:19],
        state(str(one["state"])),
        f"{one['lines']:,}",
        f"{one['lines_dropped']:,}",
        size(one["size_bytes"]),
        escape(str(failure.get("detail") or "")),
    ]
