"""`usage`: requests and tokens by model, key, user, team and day."""

import sys
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlencode

import typer
from rich.markup import escape

from vllm_manager.cli.client import Json, JsonOption, TokenOption, UrlOption, connect
from vllm_manager.cli.output import out, print_json, print_table


class Group(StrEnum):
    """What sums can be taken by."""

    MODEL = "model"
    KEY = "key"
    USER = "user"
    TEAM = "team"
    DAY = "day"


_PATH = "/api/v1/usage"
_TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"]
_FIGURES = {
    "requests": "REQUESTS",
    "errors": "ERRORS",
    "prompt_tokens": "TOKENS IN",
    "cached_tokens": "CACHED",
    "completion_tokens": "TOKENS OUT",
}


def usage(
    by: Annotated[
        list[Group] | None, typer.Option("--by", help="Repeat it to group by several.")
    ] = None,
    since: Annotated[datetime | None, typer.Option("--from", formats=_TIMES)] = None,
    until: Annotated[datetime | None, typer.Option("--to", formats=_TIMES)] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV for spreadsheets.")] = False,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what was asked of the models. Administrators and operators see everybody's."""
    groups = by or [Group.MODEL]
    query = {
        "group_by": [group.value for group in groups],
        "from": _moment(since),
        "to": _moment(until),
    }
    with connect(url, token) as client:
        if as_csv:
            known = {name: value for name, value in query.items() if value is not None}
            with client.lines("GET", f"{_PATH}/export?{urlencode(known, doseq=True)}") as lines:
                for line in lines:
                    sys.stdout.write(line + "\n")
            return
        found = list(client.pages(_PATH, **query))
    if as_json:
        print_json({"items": found})
    elif not found:
        out.print("Nothing was asked of any model in this span.")
    else:
        heads = [group.upper() for group in groups] + list(_FIGURES.values())
        print_table(heads, [_row(groups, entry) for entry in found])


def _row(groups: list[Group], entry: Json) -> list[str]:
    named = [escape(str(entry[group.value] or "–")) for group in groups]
    return named + [f"{entry[name]:,}" for name in _FIGURES]


def _moment(at: datetime | None) -> str | None:
    """Return a time with its zone; without one the time of this machine is meant."""
    return at.astimezone().isoformat() if at is not None else None
