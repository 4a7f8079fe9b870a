"""`teams`: users whose use of models is counted and limited together."""

from typing import Annotated
from urllib.parse import quote

import typer
from rich.markup import escape

from vllm_manager.cli.client import Client, Json, JsonOption, TokenOption, UrlOption, connect
from vllm_manager.cli.output import out, print_json, print_table
from vllm_manager.kit.errors import not_found

app = typer.Typer(name="teams", help="Teams: ls, create, rm, add, remove.", no_args_is_help=True)

_PATH = "/api/v1/teams"

TeamArgument = Annotated[str, typer.Argument(help="Name or id of a team.", show_default=False)]
UsersArgument = Annotated[
    list[str], typer.Argument(help="Names or ids of users.", show_default=False)
]


@app.command()
def ls(url: UrlOption = None, token: TokenOption = None, as_json: JsonOption = False) -> None:
    """List teams with their members."""
    with connect(url, token) as client:
        found = list(client.pages(_PATH, limit=200))
    if as_json:
        print_json({"items": found, "next_cursor": None})
    elif not found:
        out.print("There are no teams. Make one: vllm-manager teams create NAME")
    else:
        print_table(("NAME", "MEMBERS", "ID"), map(_row, found))


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Lower-case letters, digits and dashes.")],
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a team without members."""
    with connect(url, token) as client:
        made = client.post(_PATH, {"name": name})
    if as_json:
        print_json(made)
    else:
        out.print(f"[green]✓[/green] There is a team {escape(name)} now ({made['id']}).")


@app.command()
def rm(team: TeamArgument, url: UrlOption = None, token: TokenOption = None) -> None:
    """Delete a team; its members stay users. Refused while keys count for it."""
    with connect(url, token) as client:
        client.delete(_at(find_team(client, team)))
    out.print(f"[green]✓[/green] {escape(team)} is deleted.")


@app.command()
def add(
    team: TeamArgument, users: UsersArgument, url: UrlOption = None, token: TokenOption = None
) -> None:
    """Put users into a team."""
    with connect(url, token) as client:
        path = f"{_at(find_team(client, team))}/members"
        for user in users:
            client.put(f"{path}/{_user_id(client, user)}")
    out.print(f"[green]✓[/green] {escape(', '.join(users))} in {escape(team)}.")


@app.command()
def remove(
    team: TeamArgument, users: UsersArgument, url: UrlOption = None, token: TokenOption = None
) -> None:
    """Take users out of a team; keys that they made for it stay."""
    with connect(url, token) as client:
        found = find_team(client, team)
        known = {member["username"]: member["user_id"] for member in found["members"]}
        for user in users:
            client.delete(f"{_at(found)}/members/{quote(known.get(user, user), safe='')}")
    out.print(f"[green]✓[/green] {escape(', '.join(users))} no longer in {escape(team)}.")


def find_team(client: Client, team: str) -> Json:
    """Return the team of this id or name.

    Raises:
        Problem: `team_not_found` (404).
    """
    if team.startswith("team_"):
        return client.get(f"{_PATH}/{quote(team, safe='')}")
    for found in client.pages(_PATH, limit=200):
        if found["name"] == team:
            return found
    raise not_found("team", team)


def _user_id(client: Client, user: str) -> str:
    for found in client.pages("/api/v1/users", limit=200, q=user):
        if found["username"] == user:
            return quote(found["id"], safe="")
    if not user.startswith("usr_"):
        raise not_found("user", user)
    return quote(user, safe="")


def _at(team: Json) -> str:
    return f"{_PATH}/{quote(team['id'], safe='')}"


def _row(team: Json) -> list[str]:
    members = ", ".join(member["username"] for member in team["members"])
    return [escape(team["name"]), escape(members or "–"), team["id"]]
