"""`usage`: requests, tokens and cost by model, key, user, team and day; and what tokens cost."""

import sys
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlencode

import typer
from rich.markup import escape

from vllm_manager.cli import prices
from vllm_manager.cli.client import Client, Json, JsonOption, TokenOption, UrlOption, connect
from vllm_manager.cli.moments import FromOption, ToOption, past_moment
from vllm_manager.cli.output import out, print_json, print_table


class Group(StrEnum):
    """What sums can be taken by."""

    MODEL = "model"
    KEY = "key"
    USER = "user"
    TEAM = "team"
    DAY = "day"


app = typer.Typer(
    name="usage",
    help="Requests, tokens and cost, summed; and the prices of models: prices ls, set, rm.",
    invoke_without_command=True,
)
app.add_typer(prices.app)

_PATH = "/api/v1/usage"
_COUNTS = {
    "requests": "REQUESTS",
    "errors": "ERRORS",
    "prompt_tokens": "IN",
    "completion_tokens": "OUT",
}
_REFUSED = {
    "limited": "by a limit",
    "turned_away": "for want of room or of a ready model",
    "refused": "for what they asked or who asked",
}
_SECONDS = {"latency_p50_seconds": "P50", "latency_p95_seconds": "P95", "ttft_p95_seconds": "TTFT"}
"""What fits on a terminal; `--csv` and `--json` tell all."""


@app.callback()
def usage(
    context: typer.Context,
    by: Annotated[
        list[Group] | None, typer.Option("--by", help="Repeat it to group by several.")
    ] = None,
    since: FromOption = None,
    until: ToOption = None,
    model: Annotated[str | None, typer.Option(help="Only of this model.")] = None,
    key: Annotated[str | None, typer.Option(help="Only of this key, by its id.")] = None,
    user: Annotated[str | None, typer.Option(help="Only of this user, by the id.")] = None,
    team: Annotated[str | None, typer.Option(help="Only of this team, by its id.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV for spreadsheets.")] = False,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what was asked of the models, and what it cost. Members see their own.

    IN and OUT are tokens; P50 and P95 the time until an answer was whole, TTFT that until its first
    token in 95 of 100 requests. --csv and --json tell more.
    """
    if context.invoked_subcommand is not None:
        return
    groups = by or [Group.MODEL]
    query = {
        "group_by": [group.value for group in groups],
        "from": past_moment(since),
        "to": past_moment(until),
        "model": model,
        "key": key,
        "user": user,
        "team": team,
    }
    with connect(url, token) as client:
        if as_csv:
            _print_csv(client, query)
            return
        found = list(client.pages(_PATH, **query))
    if as_json:
        print_json({"items": found, "next_cursor": None})
    elif not found:
        out.print("Nothing was asked of any model in this span.")
    else:
        _print(groups, found)


def _print_csv(client: Client, query: Mapping[str, object]) -> None:
    known = {name: value for name, value in query.items() if value is not None}
    with client.lines("GET", f"{_PATH}/export?{urlencode(known, doseq=True)}") as lines:
        for line in lines:
            sys.stdout.write(line + "\n")


def _print(groups: list[Group], found: list[Json]) -> None:
    heads = [group.upper() for group in groups]
    currency = next((entry["currency"] for entry in found if entry["currency"]), "")
    heads += [*_COUNTS.values(), *_SECONDS.values(), f"COST {currency}".strip()]
    print_table(heads, [_row(groups, entry) for entry in found])
    unpriced = sum(entry["unpriced_requests"] for entry in found)
    if unpriced and any(entry["cost"] is not None for entry in found):
        out.print(
            f"{unpriced:,} requests were for models that had no price then: no part of the cost."
        )
    _print_refused(found)


def _print_refused(found: list[Json]) -> None:
    """Say how many the gateway refused itself; the groups of each are in --csv and --json."""
    sums = {words: sum(entry[name] for entry in found) for name, words in _REFUSED.items()}
    told = [f"{count:,} {words}" for words, count in sums.items() if count]
    if told:
        out.print(f"Refused beside these: {', '.join(told)}.")


def _row(groups: list[Group], entry: Json) -> list[str]:
    named = [escape(_name(group, entry)) for group in groups]
    counts = [f"{entry[name]:,}" for name in _COUNTS]
    return [*named, *counts, *(_seconds(entry[name]) for name in _SECONDS), _cost(entry)]


def _name(group: Group, entry: Json) -> str:
    """Return what people call it; the id where its name is gone."""
    return str(entry.get(f"{group.value}_name") or entry[group.value] or "–")


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}s"


def _cost(entry: Json) -> str:
    return "–" if entry["cost"] is None else f"{entry['cost']:,.2f}"
