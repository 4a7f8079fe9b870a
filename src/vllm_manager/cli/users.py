"""`users`: people and service accounts, their roles, and their way in."""

import sys
from typing import Annotated, Literal
from urllib.parse import quote

import typer
from rich.markup import escape

from vllm_manager.cli.client import Client, Json, JsonOption, TokenOption, UrlOption, connect
from vllm_manager.cli.deployments import age
from vllm_manager.cli.output import err, out, print_json, print_table
from vllm_manager.cli.teams import find_team
from vllm_manager.kit.errors import not_found

app = typer.Typer(
    name="users",
    help="Users: ls, invite, invitations, withdraw, create, role, disable, enable, reset, "
    "sessions.",
    no_args_is_help=True,
)

_PATH = "/api/v1/users"
_INVITATIONS = "/api/v1/invitations"
_COLOURS = {"active": "green", "invited": "yellow", "disabled": "dim"}

RoleName = Literal["administrator", "operator", "member", "viewer"]
UserArgument = Annotated[str, typer.Argument(help="Name or id of a user.", show_default=False)]
RoleOption = Annotated[
    RoleName,
    typer.Option("--role", help="A member uses models, an operator deploys, a viewer looks."),
]
EmailOption = Annotated[str | None, typer.Option(help="For people to know who it is.")]
TeamOption = Annotated[
    list[str] | None, typer.Option("--team", help="Name or id of a team (repeatable).")
]


@app.command()
def ls(url: UrlOption = None, token: TokenOption = None, as_json: JsonOption = False) -> None:
    """List users with role, state, teams and last login."""
    with connect(url, token) as client:
        found = list(client.pages(_PATH, limit=200))
    if as_json:
        print_json({"items": found, "next_cursor": None})
    else:
        print_table(("NAME", "ROLE", "STATE", "TEAMS", "LAST LOGIN", "ID"), map(_row, found))


@app.command()
def invite(
    name: Annotated[str, typer.Argument(help="The name to log in with.", show_default=False)],
    role: RoleOption = "member",
    email: EmailOption = None,
    team: TeamOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Invite a person: prints, this once, the link with which they set a password."""
    with connect(url, token) as client:
        asked = {"username": name, "role": role, "email": email, "team_ids": _ids(client, team)}
        _print_link(client.post(_INVITATIONS, asked), as_json)


@app.command()
def invitations(
    url: UrlOption = None, token: TokenOption = None, as_json: JsonOption = False
) -> None:
    """List the invitations that are open: neither accepted, nor withdrawn, nor too old."""
    with connect(url, token) as client:
        found = list(client.pages(_INVITATIONS))
    if as_json:
        print_json({"items": found, "next_cursor": None})
    else:
        rows = map(_invitation, found)
        print_table(("NAME", "ROLE", "MADE", "UNTIL", "ID"), rows)


@app.command()
def withdraw(
    invitation: Annotated[
        str, typer.Argument(help="Name of who was invited, or id.", show_default=False)
    ],
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Take back an invitation: its link no longer works, and the name is free again."""
    with connect(url, token) as client:
        found = _find_invitation(client, invitation)
        client.delete(f"{_INVITATIONS}/{quote(found['id'], safe='')}")
    out.print(f"[green]✓[/green] {escape(found['username'])} is no longer invited.")


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="The name.", show_default=False)],
    role: RoleOption = "member",
    service: Annotated[
        bool, typer.Option("--service", help="A service account: no password, keys alone.")
    ] = False,
    email: EmailOption = None,
    team: TeamOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a user. A person's password is typed in, or read from standard input."""
    asked: Json = {"username": name, "role": role, "email": email}
    asked["kind"] = "service" if service else "person"
    if not service:
        asked["password"] = read_password("Password")
    with connect(url, token) as client:
        asked["team_ids"] = _ids(client, team)
        made = client.post(_PATH, asked)
    if as_json:
        print_json(made)
    else:
        out.print(f"[green]✓[/green] {escape(name)} is a {role} now ({made['id']}).")


@app.command("role")
def change_role(
    user: UserArgument,
    role: Annotated[RoleName, typer.Argument(help="The new role.", show_default=False)],
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Give a user another role; it counts at once."""
    with connect(url, token) as client:
        changed = client.patch(_at(find_user(client, user)), {"role": role})
    out.print(f"[green]✓[/green] {escape(changed['username'])} is {changed['role']} now.")


@app.command()
def disable(user: UserArgument, url: UrlOption = None, token: TokenOption = None) -> None:
    """Shut a user out at once: logins end, keys are refused until the user is enabled."""
    with connect(url, token) as client:
        changed = client.post(f"{_at(find_user(client, user))}/disable")
    out.print(f"[green]✓[/green] {escape(changed['username'])} is shut out.")


@app.command()
def enable(user: UserArgument, url: UrlOption = None, token: TokenOption = None) -> None:
    """Let a disabled user in again."""
    with connect(url, token) as client:
        changed = client.post(f"{_at(find_user(client, user))}/enable")
    out.print(f"[green]✓[/green] {escape(changed['username'])} may come in again.")


@app.command()
def reset(
    user: UserArgument,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a one-time link with which a user sets a new password; prints it this once."""
    with connect(url, token) as client:
        _print_link(client.post(f"{_at(find_user(client, user))}/reset"), as_json)


@app.command()
def sessions(
    user: UserArgument,
    end: Annotated[bool, typer.Option("--end", help="End all of them.")] = False,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """List where a user is logged in, or end all of their logins."""
    with connect(url, token) as client:
        path = f"{_at(find_user(client, user))}/sessions"
        found = client.delete(path) if end else client.get(path)
    if as_json:
        print_json(found)
    elif end:
        out.print(f"[green]✓[/green] {found['ended']} logins ended.")
    elif not found["items"]:
        out.print(f"{escape(user)} is not logged in anywhere.")
    else:
        print_table(("ADDRESS", "LAST SEEN", "SINCE", "PROGRAM"), map(session_row, found["items"]))


def find_user(client: Client, user: str) -> Json:
    """Return the user of this id or name.

    Raises:
        Problem: `user_not_found` (404).
    """
    if user.startswith("usr_"):
        return client.get(f"{_PATH}/{quote(user, safe='')}")
    for found in client.pages(_PATH, limit=200, q=user):
        if found["username"] == user:
            return found
    raise not_found("user", user)


def _find_invitation(client: Client, wanted: str) -> Json:
    for found in client.pages(_INVITATIONS):
        if wanted in (found["id"], found["username"]):
            return found
    raise not_found("invitation", wanted)


def _ids(client: Client, teams: list[str] | None) -> list[str]:
    return [find_team(client, team)["id"] for team in teams or ()]


def _at(user: Json) -> str:
    return f"{_PATH}/{quote(user['id'], safe='')}"


def read_password(asked: str, *, again: bool = True) -> str:
    """Read a password without showing it; arguments would be seen by other users."""
    if sys.stdin.isatty():
        return typer.prompt(asked, hide_input=True, confirmation_prompt=again, err=True)
    password = sys.stdin.readline().rstrip("\n")
    if not password:
        raise typer.BadParameter("standard input holds no password")
    return password


def _print_link(issued: Json, as_json: bool) -> None:
    if as_json:
        print_json(issued)
        return
    what = "accepts the invitation" if issued["kind"] == "invitation" else "sets a new password"
    name = escape(issued["user"]["username"])
    err.print(
        f"[green]✓[/green] With this link {name} {what}. It works once, until "
        f"{issued['expires_at']}, and is shown this once:"
    )
    typer.echo(issued["url"])


def _row(user: Json) -> list[str]:
    kind = " (service)" if user["kind"] == "service" else ""
    colour = _COLOURS[user["status"]]
    return [
        escape(user["username"]) + kind,
        user["role"],
        f"[{colour}]{user['status']}[/{colour}]",
        escape(", ".join(team["name"] for team in user["teams"]) or "–"),
        f"{age(user['last_login_at'])} ago" if user["last_login_at"] else "never",
        user["id"],
    ]


def _invitation(found: Json) -> list[str]:
    made = f"{age(found['created_at'])} ago"
    return [escape(found["username"]), found["role"], made, found["expires_at"], found["id"]]


def session_row(session: Json) -> list[str]:
    """Return what is shown of a login: whence, when last and since when, and by what."""
    return [
        escape(session["address"] or "–"),
        f"{age(session['last_seen_at'])} ago",
        f"{age(session['created_at'])} ago",
        escape(session["user_agent"] or "–"),
    ]
