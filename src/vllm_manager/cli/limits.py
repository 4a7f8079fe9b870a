"""`limits`: how much the installation, teams, users, keys and models may use."""

from typing import Annotated, Literal
from urllib.parse import quote

import typer
from rich.markup import escape

from vllm_manager.cli.client import Client, Json, JsonOption, TokenOption, UrlOption, connect
from vllm_manager.cli.figures import (
    ConcurrentOption,
    DailyOption,
    MonthlyOption,
    RequestsOption,
    TokensOption,
    describe,
    given,
)
from vllm_manager.cli.keys import find as find_key
from vllm_manager.cli.output import out, print_json, print_table
from vllm_manager.cli.teams import find_team
from vllm_manager.cli.users import find_user

app = typer.Typer(
    name="limits",
    help="Limits of the installation, teams, users, keys and models: ls, set, rm.",
    no_args_is_help=True,
)

_PATH = "/api/v1/limits"
Scope = Literal["installation", "team", "user", "key", "model"]

ScopeArgument = Annotated[Scope, typer.Argument(help="For whom.", show_default=False)]
SubjectArgument = Annotated[
    str | None,
    typer.Argument(help="Name or id; nothing for the installation.", show_default=False),
]


@app.command()
def ls(
    scope: Annotated[Scope | None, typer.Option(help="Only these.")] = None,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the limits that are set. `keys show KEY` lists what applies to one key."""
    with connect(url, token) as client:
        found = list(client.pages(_PATH, limit=200, scope=scope))
    if as_json:
        print_json({"items": found, "next_cursor": None})
    elif not found:
        out.print("There are no limits. Set one: vllm-manager limits set installation …")
    else:
        print_table(("FOR", "NAME", "LIMITS"), (_row(policy) for policy in found))


@app.command("set")
def set_limits(
    scope: ScopeArgument,
    subject: SubjectArgument = None,
    requests_per_minute: RequestsOption = None,
    tokens_per_minute: TokensOption = None,
    concurrent_requests: ConcurrentOption = None,
    tokens_per_day: DailyOption = None,
    tokens_per_month: MonthlyOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set limits. What is not given stays as it is."""
    limits = given(
        requests_per_minute,
        tokens_per_minute,
        concurrent_requests,
        tokens_per_day,
        tokens_per_month,
    )
    if not limits:
        raise typer.BadParameter("give at least one limit, as --tokens-per-minute 1000")
    with connect(url, token) as client:
        path = _path(client, scope, subject)
        policy = client.put(path, {**client.get(path)["limits"], **limits})
    if as_json:
        print_json(policy)
    else:
        out.print(f"[green]✓[/green] {_whose(policy)}: {describe(policy['limits'])}")


@app.command()
def rm(
    scope: ScopeArgument,
    subject: SubjectArgument = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Take all limits of one away."""
    with connect(url, token) as client:
        client.delete(_path(client, scope, subject))
    out.print("[green]✓[/green] There is no limit now.")


def _path(client: Client, scope: Scope, subject: str | None) -> str:
    """Return where the limits are, with a name turned into its id.

    Raises:
        typer.BadParameter: nobody is named, or the installation is given a name.
        Problem: there is nobody of this name.
    """
    if (subject is None) is not (scope == "installation"):
        raise typer.BadParameter(f"name the {scope}" if subject is None else "it has no name")
    if subject is None:
        return f"{_PATH}/installation"
    return f"{_PATH}/{scope}/{quote(_id(client, scope, subject), safe='')}"


def _id(client: Client, scope: Scope, subject: str) -> str:
    if scope == "model":
        return subject
    if scope == "key":
        return find_key(client, subject)["id"]
    find = find_team if scope == "team" else find_user
    return find(client, subject)["id"]


def _whose(policy: Json) -> str:
    return escape(" ".join(filter(None, (policy["scope"], policy["name"]))))


def _row(policy: Json) -> list[str]:
    name = policy["name"] or policy["subject"] or ""
    return [policy["scope"], escape(name), describe(policy["limits"])]
