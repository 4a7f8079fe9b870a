"""`requests`: what is asked of the models now and lately; cancel, and bodies for debugging."""

import sys
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.markup import escape

from vllm_manager.cli.client import Json, JsonOption, TokenOption, UrlOption, connect
from vllm_manager.cli.output import elapsed, out, print_json, print_table, state

app = typer.Typer(
    name="requests",
    help="Requests to models: under way and lately, show, cancel, capture, bodies.",
    invoke_without_command=True,
)

_PATH = "/api/v1/requests"
_SHOWN = 100
_TOLD = (
    "id", "deployment", "model", "replica", "path", "stream", "state", "status", "started_at",
    "seconds", "ttft_seconds", "tokens_per_second", "prompt_tokens", "completion_tokens",
    "cached_tokens", "who", "key_class", "client",
)  # fmt: skip

IdArgument = Annotated[str, typer.Argument(help="Its id, `x-request-id`.", show_default=False)]
DeploymentArgument = Annotated[str, typer.Argument(help="Its name.", show_default=False)]


@app.callback()
def requests(
    context: typer.Context,
    deployment: Annotated[str | None, typer.Option(help="Only this one's.")] = None,
    recent: Annotated[bool, typer.Option("--recent", help="Those that ended, instead.")] = False,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Requests to models; without a verb, list those under way. Members see their own."""
    if context.invoked_subcommand is not None:
        return
    wanted = "recent" if recent else "active"
    with connect(url, token) as client:
        page = client.get(_PATH, deployment=deployment, state=wanted, limit=_SHOWN)
        captures = client.get(f"{_PATH}/capture")["items"]
    if as_json:
        print_json(page)
        return
    for capture in captures:
        out.print(f"[yellow]![/yellow] {_captured(capture)}")
    if page["silent_workers"]:
        silent = "of the gateway's workers have not been heard for 10 s: theirs are as they were"
        out.print(f"[yellow]![/yellow] {page['silent_workers']} {silent}.")
    _print(page, "Nothing ended lately." if recent else "No request is under way.")


def _print(page: Json, nothing: str) -> None:
    if not page["items"]:
        out.print(nothing)
        return
    columns = ("ID", "MODEL", "STATE", "TIME", "TTFT", "TOK/S", "TOKENS", "WHO")
    print_table(columns, (_row(item) for item in page["items"]), keeps_first=True)
    if page["next_cursor"]:
        out.print(f"These are the newest {_SHOWN}.")


@app.command()
def show(
    request_id: IdArgument,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one request: where it is, how fast, whose it is."""
    with connect(url, token) as client:
        found = client.get(_path(request_id))
    if as_json:
        print_json(found)
        return
    told = {**found, "ttft_seconds": elapsed(found["ttft_seconds"]), "who": _who(found)}
    told |= {"seconds": elapsed(found["seconds"]), "tokens_per_second": _pace(found)}
    for name in _TOLD:
        value = told[name]
        out.print(f"{name.replace('_', ' '):18} {escape('–' if value is None else str(value))}")
    if not found["is_current"]:
        out.print("[yellow]![/yellow] Its worker is silent: this is how it was.")


@app.command()
def cancel(
    request_id: IdArgument,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Break a request off: its engine stops, its client is told. Members: their own."""
    with connect(url, token) as client:
        found = client.post(_path(request_id, "cancel"))
    if as_json:
        print_json(found)
    else:
        out.print(f"[green]✓[/green] {escape(request_id)} is being cancelled.")


@app.command()
def capture(
    deployment: DeploymentArgument,
    minutes: Annotated[int, typer.Option(min=1, max=60, help="It ends after these.")] = 10,
    count: Annotated[
        int, typer.Option("--requests", min=1, max=100, help="It ends after so many.")
    ] = 20,
    keep_hours: Annotated[int, typer.Option(min=1, max=24, help="Then they are forgotten.")] = 1,
    off: Annotated[bool, typer.Option("--off", help="End it.")] = False,
    erase: Annotated[bool, typer.Option("--erase", help="End it, forget what came.")] = False,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Capture the bodies of a deployment's next requests. For administrators; audited."""
    path = f"{_PATH}/capture/{quote(deployment, safe='')}"
    with connect(url, token) as client:
        if off or erase:
            answer = client.delete(f"{path}?erase={str(erase).lower()}")
            said = f"No bodies of {escape(deployment)} are captured."
        else:
            body = {"minutes": minutes, "requests": count, "keep_hours": keep_hours}
            answer = client.put(path, body)
            said = _captured(answer)
    if as_json:
        print_json(answer)
    else:
        out.print(f"[green]✓[/green] {said}")


@app.command()
def bodies(
    request_id: IdArgument,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print what was captured of a request. For administrators; audited."""
    with connect(url, token) as client:
        found = client.post(_path(request_id, "reveal"))
    if as_json:
        print_json(found)
        return
    for name in ("request", "response"):
        sys.stdout.write(f"--- {name}\n{found[name].rstrip()}\n")
    if found["is_cut"]:
        sys.stdout.write("--- cut at 64 KiB\n")


def _path(request_id: str, *rest: str) -> str:
    return "/".join((_PATH, quote(request_id, safe=""), *rest))


def _captured(capture: Json) -> str:
    left, until = capture["requests_left"], capture["until"]
    by = escape(capture["started_by"])
    what = f"the bodies of {left} more requests to {escape(capture['deployment'])}"
    return f"{what} are captured until {until}, for {by}"


def _row(item: Json) -> list[str]:
    shown = state("cancelling" if item["is_cancelling"] else item["state"])
    if not item["is_current"]:
        shown = f"[dim]{item['state']}?[/dim]"
    return [
        escape(item["id"]),
        escape(item["model"]),
        shown if item["status"] in (None, 200) else f"{shown} {item['status']}",
        elapsed(item["seconds"]),
        elapsed(item["ttft_seconds"]),
        _pace(item),
        f"{_count(item['prompt_tokens'])} → {_count(item['completion_tokens'])}",
        escape(item["user_name"] or item["user"]),
    ]


def _who(item: Json) -> str:
    user = item["user_name"] or item["user"]
    if item["key"] is None:
        return f"{user}, login"
    mark = f" (…{item['key_last_four']})" if item["key_last_four"] else ""
    return f"{user}, {item['key_name'] or item['key']}{mark}"


def _count(tokens: Any) -> str:
    return "–" if tokens is None else f"{tokens:,}"


def _pace(item: Json) -> str:
    pace = item["tokens_per_second"]
    return "–" if pace is None else f"{pace:.1f}"
