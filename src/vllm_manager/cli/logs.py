"""`logs`: what the engines of a deployment wrote."""

import time
from collections.abc import Iterable
from typing import Annotated

import typer

from vllm_manager.cli.client import (
    Client,
    Json,
    JsonOption,
    TokenOption,
    UrlOption,
    connect,
    deployment_path,
)
from vllm_manager.cli.deployments import NameArgument
from vllm_manager.cli.output import out, print_json

_POLL_SECONDS = 0.5
_PAGE = 500
_Source = tuple[str, int]


def _source(line: Json) -> _Source:
    return str(line["replica"]), int(line["attempt"])


def _page(client: Client, name: str, replica: str | None, limit: int) -> list[Json]:
    return client.get(deployment_path(name, "logs"), replica=replica, limit=limit)["items"]


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
    name: NameArgument,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines come.")] = False,
    replica: Annotated[str | None, typer.Option(help="Only this replica's.")] = None,
    tail: Annotated[int, typer.Option(min=0, max=1000, help="Lines from the end.")] = 100,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a deployment's log, newest lines last."""
    with connect(url, token) as client:
        lines = _page(client, name, replica, max(tail, 1))[-tail:] if tail else []
        if as_json:
            print_json({"items": lines, "next_cursor": None})
            return
        several = len({line["replica"] for line in lines}) > 1
        seen: dict[_Source, int] = {}
        _print(unseen(lines, seen), with_replica=several)
        while follow:
            time.sleep(_POLL_SECONDS)
            _print(unseen(_page(client, name, replica, _PAGE), seen), with_replica=several)
