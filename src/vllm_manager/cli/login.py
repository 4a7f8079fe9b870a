"""`join`, `login`, `logout`, `whoami`, `password`, `sessions`: whom the command line speaks as."""

import sys
from typing import Annotated
from urllib.parse import quote, urlsplit

import typer
from rich.markup import escape

from vllm_manager.cli.client import (
    Client,
    Json,
    JsonOption,
    TokenOption,
    UrlOption,
    connect,
)
from vllm_manager.cli.logins import Login, forget_login, keep_login
from vllm_manager.cli.output import err, out, print_json, print_table
from vllm_manager.cli.tls import local_url
from vllm_manager.cli.users import read_password, session_row
from vllm_manager.kit.errors import Problem
from vllm_manager.settings import Settings

_LINKS = "/api/v1/auth/links"
_SESSIONS = "/api/v1/auth/sessions"


def join(
    link: Annotated[
        str,
        typer.Argument(
            help="The link that an administrator sent. `-` reads it from standard input.",
            show_default=False,
        ),
    ],
    url: UrlOption = None,
) -> None:
    """Set a password with an invitation's or a reset's link, and log in.

    The password is typed in, or read from standard input.
    """
    origin, token = _taken_apart(_read_line() if link == "-" else link)
    client = Client(url or origin, None, headers={"X-Link-Token": quote(token, safe="")})
    try:
        named: Json = client.get(_LINKS)
        err.print(f"A new password for {escape(named['username'])}, at {escape(client.url)}:")
        _kept(client, client.enter(_LINKS, {"password": read_password("New password")}))
    finally:
        client.close()


def login(
    name: Annotated[str, typer.Argument(help="Your user name.", show_default=False)],
    url: UrlOption = None,
) -> None:
    """Log in with a password, typed in or from standard input. The verbs that follow are yours."""
    client = Client(url or local_url(Settings()), None)
    try:
        password = read_password("Password", again=False)
        _kept(client, client.enter("/api/v1/auth/login", {"username": name, "password": password}))
    finally:
        client.close()


def logout(url: UrlOption = None) -> None:
    """End the login of the command line, on the server, too."""
    settings = Settings()
    ended = False
    try:
        with connect(url, None) as client:
            if _is_logged_in(client):
                client.post("/api/v1/auth/logout")
                ended = True
    except Problem as problem:
        if problem.details.status != 401:
            raise
    forgotten = forget_login(settings, url or local_url(settings))
    said = "Logged out." if ended or forgotten else "There was no login at this server."
    out.print(f"[green]✓[/green] {said}")


def whoami(url: UrlOption = None, token: TokenOption = None, as_json: JsonOption = False) -> None:
    """Show as whom the server knows the command line, and by what."""
    with connect(url, token) as client:
        found = client.get("/api/v1/auth/me")
        where = client.url
    if as_json:
        print_json({name: value for name, value in found.items() if name != "csrf_token"})
        return
    user = found["user"]
    by = "a login" if found["csrf_token"] else "a key"
    until = f", until {found['expires_at']}" if found["expires_at"] else ""
    out.print(f"{escape(user['username'])}, {user['role']}, at {escape(where)}, by {by}{until}.")


def password(url: UrlOption = None, token: TokenOption = None) -> None:
    """Change your password; your other logins end.

    The present one and the new one are typed in, or are two lines of standard input.
    """
    with connect(url, token) as client:
        asked = {
            "current_password": read_password("Present password", again=False),
            "new_password": read_password("New password"),
        }
        client.post("/api/v1/auth/password", asked)
    out.print("[green]✓[/green] The password is changed; your other logins have ended.")


def sessions(
    end: Annotated[str | None, typer.Option("--end", help="Id of one that is to end.")] = None,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """List where you are logged in, or end one of these logins."""
    with connect(url, token) as client:
        if end is not None:
            client.delete(f"{_SESSIONS}/{quote(end, safe='')}")
            out.print("[green]✓[/green] This login has ended.")
            return
        found = client.get(_SESSIONS)
    if as_json:
        print_json(found)
        return
    rows = ([*session_row(one), _id_of(one)] for one in found["items"])
    print_table(("ADDRESS", "LAST SEEN", "SINCE", "PROGRAM", "ID"), rows)


def _id_of(session: Json) -> str:
    return f"{session['id']} (this one)" if session["is_current"] else session["id"]


def _is_logged_in(client: Client) -> bool:
    return client.get("/api/v1/auth/me")["csrf_token"] is not None


def _kept(client: Client, entered: Login) -> None:
    settings = Settings()
    keep_login(settings, client.url, entered)
    out.print(f"[green]✓[/green] Logged in as {escape(entered.username)} at {escape(client.url)}.")
    if client.url != local_url(settings):
        err.print(f"  For the verbs that follow: export VLLM_MANAGER_URL={escape(client.url)}")


def _taken_apart(link: str) -> tuple[str, str]:
    """Return the server's address and the token in a link.

    Raises:
        typer.BadParameter: it is not such a link.
    """
    parts = urlsplit(link.strip())
    if parts.scheme not in ("http", "https") or not parts.netloc or not parts.fragment:
        raise typer.BadParameter("a link looks like https://SERVER/join#TOKEN; copy all of it")
    return f"{parts.scheme}://{parts.netloc}", parts.fragment


def _read_line() -> str:
    return sys.stdin.readline().strip()
