"""`pull` and `downloads`: fetch a model, watch it come, pause, resume, cancel and retry."""

import time
from typing import Annotated

import typer
from rich.markup import escape

from vllm_manager.cli.client import Client, Json, JsonOption, TokenOption, UrlOption, connect
from vllm_manager.cli.deployments import WaitOption
from vllm_manager.cli.output import (
    elapsed,
    err,
    out,
    print_json,
    print_table,
    problem_of,
    size,
    state,
)
from vllm_manager.kit.errors import Problem

_POLL_SECONDS = 0.5
_ENDED = ("succeeded", "failed", "cancelled", "paused")
_PATH = "/api/v1/downloads"

app = typer.Typer(
    name="downloads",
    help="Models on their way here: list, pause, resume, cancel, retry.",
    invoke_without_command=True,
)

ModelArgument = Annotated[
    str, typer.Argument(help="`organisation/name` on the Hub.", show_default=False)
]
DownloadArgument = Annotated[
    str, typer.Argument(help="Its id, or the model's name.", show_default=False)
]


def pull(
    model: ModelArgument,
    revision: Annotated[str, typer.Option(help="Commit, tag or branch.")] = "main",
    include: Annotated[
        list[str] | None,
        typer.Option(help="Names of files, `*` for anything. Default: what the engine needs."),
    ] = None,
    priority: Annotated[int, typer.Option(help="-100 to 100; the highest is next.")] = 0,
    wait: WaitOption = True,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch a model from the Hub; what is on disk already is not fetched again."""
    asked = {
        "repo": model,
        "revision": revision,
        "include": include or None,
        "priority": priority,
    }
    with connect(url, token) as client:
        download = client.post(_PATH, asked)
        _finish(client, download, wait=wait, as_json=as_json)


@app.callback()
def downloads(
    context: typer.Context,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Models on their way here; without a verb, list them."""
    if context.invoked_subcommand is None:
        ls(url=url, token=token, as_json=as_json)


@app.command()
def ls(
    show_all: Annotated[bool, typer.Option("--all", help="Those long over, too.")] = False,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """List downloads, newest first: state, share, speed and time left."""
    with connect(url, token) as client:
        if show_all:
            found = list(client.pages(_PATH, limit=200))
        else:
            found = list(client.get(_PATH)["items"])
    if as_json:
        print_json({"items": found, "next_cursor": None})
    elif not found:
        out.print("Nothing was ever fetched here. Begin: vllm-manager pull ORGANISATION/NAME")
    else:
        columns = ("MODEL", "REVISION", "STATE", "DONE", "SIZE", "SPEED", "LEFT", "ID")
        print_table(columns, (_row(download) for download in found))


@app.command()
def pause(
    download: DownloadArgument,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Pause a download; what has come is kept."""
    _act("pause", download, url, token, wait=False, as_json=as_json)


@app.command()
def resume(
    download: DownloadArgument,
    wait: WaitOption = True,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Go on with a paused download."""
    _act("resume", download, url, token, wait=wait, as_json=as_json)


@app.command()
def cancel(
    download: DownloadArgument,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a download up and remove its partial files."""
    _act("cancel", download, url, token, wait=False, as_json=as_json)


@app.command()
def retry(
    download: DownloadArgument,
    wait: WaitOption = True,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Try a download again that failed or was cancelled."""
    _act("retry", download, url, token, wait=wait, as_json=as_json)


def _act(
    verb: str, name: str, url: str | None, token: str | None, *, wait: bool, as_json: bool
) -> None:
    with connect(url, token) as client:
        found = client.post(f"{_PATH}/{_id_of(client, name)}/{verb}")
        _finish(client, found, wait=wait, as_json=as_json)


def _id_of(client: Client, name: str) -> str:
    """Return the id of a download that is named by its id, or by its model: the newest."""
    if "/" not in name:
        return name
    for download in client.pages(_PATH, limit=200):
        if download["repo"] == name:
            return str(download["id"])
    raise Problem("download_not_found", f"There is no download of “{name}”.", status=404)


def _finish(client: Client, download: Json, *, wait: bool, as_json: bool) -> None:
    """Follow a download to its end if asked to, and say how it stands.

    Raises:
        Problem: it failed.
    """
    if wait:
        try:
            download = _follow(client, download)
        except KeyboardInterrupt:
            err.print("It goes on by itself; look with: vllm-manager downloads")
            raise
    if as_json:
        print_json(download)
    else:
        out.print(f"{escape(download['repo'])} is {state(download['state'])}{_where(download)}")
    details = problem_of(download.get("error"))
    if wait and details is not None:
        problem = Problem(details.code, details.detail, status=details.status)
        problem.details = details
        raise problem


def _follow(client: Client, download: Json) -> Json:
    """Show how it comes until it has ended or is paused, and return it as it is then."""
    path = f"{_PATH}/{download['id']}"
    if not err.is_terminal:
        while download["state"] not in _ENDED:
            time.sleep(_POLL_SECONDS)
            download = client.get(path)
        return download
    with err.status(_line(download)) as shown:
        while download["state"] not in _ENDED:
            time.sleep(_POLL_SECONDS)
            download = client.get(path)
            shown.update(_line(download))
    return download


def _line(download: Json) -> str:
    word = "stalled" if download["stalled"] else str(download["state"])
    told = [state(word), _share(download), _speed(download), f"left {_left(download)}"]
    if download["message"]:
        told.append(escape(download["message"]))
    return "  ".join(told)


def _row(download: Json) -> list[str]:
    return [
        escape(download["repo"]),
        escape(download["revision"]),
        state("stalled" if download["stalled"] else download["state"]),
        _share(download),
        size(download["bytes_total"]),
        _speed(download),
        _left(download),
        escape(download["id"]),
    ]


def _where(download: Json) -> str:
    commit = download["commit"]
    return f" at commit {commit[:12]}" if commit and download["state"] == "succeeded" else ""


def _share(download: Json) -> str:
    total = download["bytes_total"]
    return f"{100 * download['bytes_done'] // total} %" if total else "–"


def _speed(download: Json) -> str:
    speed = download["bytes_per_second"]
    return "–" if speed is None else f"{size(int(speed))}/s"


def _left(download: Json) -> str:
    return elapsed(download["eta_seconds"])
