"""`token`: the Hugging Face token that models are fetched with; read, never an argument."""

import sys
from typing import Annotated, Literal

import typer
from rich.markup import escape

from vllm_manager.cli.client import JsonOption, TokenOption, UrlOption, connect
from vllm_manager.cli.output import out, print_json

app = typer.Typer(
    name="token", help="The Hugging Face token: show, set, delete, test.", no_args_is_help=True
)

_PATH = "/api/v1/catalog/token"

ScopeOption = Annotated[
    Literal["installation", "user"],
    typer.Option(help="`installation`: for everyone; `user`: for yourself."),
]


@app.command()
def show(
    scope: ScopeOption = "installation",
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show whether a token is set: its last four characters, never the token."""
    with connect(url, token) as client:
        found = client.get(_PATH, scope=scope)
    if as_json:
        print_json(found)
    elif found["is_set"]:
        whose = f", of {found['account']}" if found["account"] else ""
        out.print(f"Set{escape(whose)}: …{escape(found['last_four'])}, since {found['set_at']}.")
    else:
        out.print("None is set. Set one with `vllm-manager token set`.")


@app.command("set")
def set_token(
    scope: ScopeOption = "installation", url: UrlOption = None, token: TokenOption = None
) -> None:
    """Set a token, typed in or from standard input: `vllm-manager token set < file`."""
    text = read_token()
    with connect(url, token) as client:
        found = client.put(f"{_PATH}?scope={scope}", {"token": text})
    out.print(f"[green]✓[/green] Set: …{escape(found['last_four'])}. Test it with `token test`.")


@app.command()
def delete(
    scope: ScopeOption = "installation", url: UrlOption = None, token: TokenOption = None
) -> None:
    """Forget a token."""
    with connect(url, token) as client:
        client.delete(f"{_PATH}?scope={scope}")
    out.print("[green]✓[/green] Forgotten.")


@app.command("test")
def ask_whose(
    url: UrlOption = None, token: TokenOption = None, as_json: JsonOption = False
) -> None:
    """Ask the hub whose token it is that is in force for you."""
    with connect(url, token) as client:
        found = client.post(f"{_PATH}/test")
    if as_json:
        print_json(found)
        return
    kind = f" ({found['kind']})" if found["kind"] else ""
    scope = "the installation's" if found["scope"] == "installation" else "your own"
    out.print(f"[green]✓[/green] It is {escape(found['account'])}'s{escape(kind)}; {scope}.")


def read_token() -> str:
    """Read the token without showing it; arguments would be seen by other users."""
    if sys.stdin.isatty():
        return typer.prompt("Hugging Face token", hide_input=True, err=True)
    text = sys.stdin.read().strip()
    if not text:
        raise typer.BadParameter("standard input holds no token")
    return text
