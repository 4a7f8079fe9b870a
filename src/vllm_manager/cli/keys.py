"""`keys`: the keys that applications ask models with."""

from collections.abc import Sequence
from typing import Annotated
from urllib.parse import quote

import typer
from rich.markup import escape

from vllm_manager.cli.client import Client, Json, JsonOption, TokenOption, UrlOption, connect
from vllm_manager.cli.deployments import age
from vllm_manager.cli.figures import (
    ConcurrentOption,
    DailyOption,
    MonthlyOption,
    RequestsOption,
    TokensOption,
    describe,
    given,
)
from vllm_manager.cli.moments import SPANS, moment
from vllm_manager.cli.output import err, out, print_json, print_table
from vllm_manager.kit.errors import Problem, not_found

app = typer.Typer(
    name="keys", help="API keys: ls, create, show, change, rotate, revoke.", no_args_is_help=True
)

_PATH = "/api/v1/keys"
_STATES = ("active", "replaced", "expired", "revoked")
_COLOURS = {"active": "green", "replaced": "yellow", "expired": "dim", "revoked": "dim"}

KeyArgument = Annotated[
    str, typer.Argument(help="Its id, or its name where one has it.", show_default=False)
]
OwnerOption = Annotated[str | None, typer.Option(help="Name or id of a user.")]
TeamOption = Annotated[str | None, typer.Option(help="Name or id of a team.")]
ModelOption = Annotated[
    list[str] | None, typer.Option("--model", help="Only for this model (repeatable).")
]
AddressOption = Annotated[
    list[str] | None,
    typer.Option("--address", help="Only from this network, as 10.0.0.0/8 (repeatable)."),
]
ManagementOption = Annotated[
    bool | None,
    typer.Option(
        "--management/--models-only",
        help="Opens the rest of the API, too, or not; if not given, unless it names models.",
    ),
]

PriorityOption = Annotated[
    str | None, typer.Option(help="low, normal or high: which requests go first in a queue.")
]


@app.command()
def ls(
    owner: OwnerOption = None,
    team: TeamOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """List your keys; an administrator's list has everybody's."""
    with connect(url, token) as client:
        found = list(client.pages(_PATH, limit=200, owner=owner, team=team))
    if as_json:
        print_json({"items": found, "next_cursor": None})
    elif not found:
        out.print("There are no keys. Make one: vllm-manager keys create NAME")
    else:
        columns = ("NAME", "ID", "KEY", "OWNER", "TEAM", "STATE", "EXPIRES", "LAST USED")
        print_table(columns, (_row(key) for key in found))


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What it is for.", show_default=False)],
    owner: OwnerOption = None,
    team: TeamOption = None,
    model: ModelOption = None,
    address: AddressOption = None,
    management: ManagementOption = None,
    priority: PriorityOption = None,
    expires: Annotated[str | None, typer.Option(help=f"When: {SPANS}")] = None,
    requests_per_minute: RequestsOption = None,
    tokens_per_minute: TokensOption = None,
    concurrent_requests: ConcurrentOption = None,
    tokens_per_day: DailyOption = None,
    tokens_per_month: MonthlyOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key, and print it this once: alone on standard output, so that `$(…)` takes it."""
    limits = given(
        requests_per_minute,
        tokens_per_minute,
        concurrent_requests,
        tokens_per_day,
        tokens_per_month,
    )
    asked: Json = {
        "name": name,
        "owner": owner,
        "team": team,
        "models": model or None,
        "addresses": address or None,
        "management": management,
        "expires_at": moment(expires),
        "limits": limits,
        **({} if priority is None else {"priority": priority}),
    }
    with connect(url, token) as client:
        _print_new(client.post(_PATH, asked), as_json)


@app.command()
def show(
    key: KeyArgument,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what is known of a key, and every limit that it falls under."""
    with connect(url, token) as client:
        found = find(client, key)
        limits = client.get("/api/v1/limits/effective", key=found["id"])
    if as_json:
        print_json({**found, "effective": limits})
        return
    _print_key(found)
    for item in limits["items"]:
        whose = " ".join(filter(None, (item["scope"], item["name"])))
        out.print(f"  Limit    {escape(whose)}: {describe(item['limits'])}{_used(item['used'])}")


@app.command()
def change(
    key: KeyArgument,
    name: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    model: ModelOption = None,
    all_models: Annotated[bool, typer.Option("--all-models", help="For all models.")] = False,
    address: AddressOption = None,
    any_address: Annotated[bool, typer.Option("--any-address", help="From anywhere.")] = False,
    management: ManagementOption = None,
    priority: PriorityOption = None,
    expires: Annotated[str | None, typer.Option(help=f"`never`, or when: {SPANS}")] = None,
    requests_per_minute: RequestsOption = None,
    tokens_per_minute: TokensOption = None,
    concurrent_requests: ConcurrentOption = None,
    tokens_per_day: DailyOption = None,
    tokens_per_month: MonthlyOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change a key. What is not given stays; others than administrators only lower its limits."""
    asked: Json = {} if name is None else {"name": name}
    _take(asked, "models", model, all_models)
    _take(asked, "addresses", address, any_address)
    if management is not None:
        asked["management"] = management
    if priority is not None:
        asked["priority"] = priority
    if expires is not None:
        asked["expires_at"] = None if expires == "never" else moment(expires)
    limits = given(
        requests_per_minute,
        tokens_per_minute,
        concurrent_requests,
        tokens_per_day,
        tokens_per_month,
    )
    with connect(url, token) as client:
        found = find(client, key)
        if limits:
            asked["limits"] = {**found["limits"], **limits}
        if asked:
            found = client.patch(_at(found), asked)
    if as_json:
        print_json(found)
    else:
        _print_key(found)


@app.command()
def rotate(
    key: KeyArgument,
    old_until: Annotated[
        str | None,
        typer.Option(help=f"Until when the old key works; 24 hours if not given. {SPANS}"),
    ] = None,
    expires: Annotated[
        str | None, typer.Option(help=f"When the new key expires; as the old one. {SPANS}")
    ] = None,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a new key in place of one that works on for a while, and print it this once."""
    asked = {"old_until": moment(old_until), "expires_at": moment(expires)}
    with connect(url, token) as client:
        rotate_one(client, find(client, key), asked, as_json=as_json)


def rotate_one(client: Client, key: Json, asked: Json, *, as_json: bool) -> None:
    """Put a new key in the place of one, and print it this once."""
    answer = client.post(f"{_at(key)}/rotate", asked)
    if not as_json:
        old = client.get(_at(key))
        err.print(f"The old key {escape(old['hint'])} works until {old['expires_at']}.")
    _print_new(answer, as_json)


@app.command()
def revoke(
    key: KeyArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a key at once and for good. Asks first."""
    with connect(url, token) as client:
        found = find(client, key)
        if not yes:
            what = f"{found['name']} ({found['hint']}) of {found['owner']['username']}"
            typer.confirm(f"Revoke {what}?", abort=True, err=True)
        found = client.post(f"{_at(found)}/revoke")
    if as_json:
        print_json(found)
    else:
        out.print(f"[green]✓[/green] {escape(found['name'])} ({found['hint']}) is revoked.")


def find(client: Client, key: str) -> Json:
    """Return the key of this id, or the only one of this name that is best alive.

    After a rotation the name is the new key's; the old one is named by its id.

    Raises:
        Problem: `key_not_found` (404), `key_ambiguous` (409).
    """
    if key.startswith("key_"):
        return client.get(f"{_PATH}/{quote(key, safe='')}")
    named = [each for each in client.pages(_PATH, limit=200) if each["name"] == key]
    best = min((_STATES.index(each["state"]) for each in named), default=0)
    alive = [each for each in named if _STATES.index(each["state"]) == best]
    if not alive:
        raise not_found("key", key)
    if len(alive) > 1:
        choices = ", ".join(f"{each['id']} ({each['owner']['username']})" for each in alive[:5])
        detail = f"Several keys are called “{key}”: {choices}. Name one by its id."
        raise Problem("key_ambiguous", detail, status=409)
    return alive[0]


def _at(key: Json) -> str:
    return f"{_PATH}/{quote(key['id'], safe='')}"


def _take(asked: Json, name: str, given_: Sequence[str] | None, everything: bool) -> None:
    if given_ and everything:
        raise typer.BadParameter(f"either some {name} or all of them")
    if given_ or everything:
        asked[name] = None if everything else list(given_ or ())


def _print_new(answer: Json, as_json: bool) -> None:
    if as_json:
        print_json(answer)
        return
    key = answer["key"]
    whose = f"{escape(key['name'])} of {escape(key['owner']['username'])}"
    err.print(f"[green]✓[/green] {whose} ({key['id']}). It is shown this once:")
    typer.echo(answer["secret"])


def _print_key(key: Json) -> None:
    team = f", for {escape(key['team']['name'])}" if key["team"] else ""
    out.print(f"[bold]{escape(key['name'])}[/bold]  {key['hint']}  {_state(key['state'])}")
    out.print(f"  Id       {key['id']}")
    out.print(f"  Owner    {escape(key['owner']['username'])}{team}")
    out.print(f"  Models   {escape(', '.join(key['models'] or ['all']))}")
    out.print(f"  From     {escape(', '.join(key['addresses'] or ['anywhere']))}")
    out.print(f"  Opens    {'models and the rest of the API' if key['management'] else 'models'}")
    out.print(f"  Priority {key['priority']}")
    out.print(f"  Limits   {describe(key['limits'])}")
    out.print(f"  Expires  {key['expires_at'] or 'never'}")
    out.print(f"  Used     {_ago(key['last_used_at'])}")


def _used(used: Json | None) -> str:
    if used is None:
        return ""
    today, month = used["tokens_today"], used["tokens_this_month"]
    return f"; used {today:,} tokens today, {month:,} this month"


def _row(key: Json) -> list[str]:
    return [
        escape(key["name"]),
        key["id"],
        key["hint"],
        escape(key["owner"]["username"]),
        escape(key["team"]["name"] if key["team"] else "–"),
        _state(key["state"]),
        (key["expires_at"] or "never")[:10],
        _ago(key["last_used_at"]),
    ]


def _ago(moment_: str | None) -> str:
    return f"{age(moment_)} ago" if moment_ else "never"


def _state(word: str) -> str:
    return f"[{_COLOURS[word]}]{word}[/{_COLOURS[word]}]"
