"""`ls`, `stop`, `start`, `restart` and `delete`."""

from datetime import UTC, datetime
from typing import Annotated, Literal

import typer
from rich.markup import escape

from vllm_manager.cli.client import (
    Client,
    Json,
    JsonOption,
    TokenOption,
    UrlOption,
    connect,
    deployment_path,
)
from vllm_manager.cli.follow import follow_operation, start_of
from vllm_manager.cli.output import elapsed, err, out, print_json, print_table, state

NameArgument = Annotated[str, typer.Argument(help="The deployment's name.", show_default=False)]
WaitOption = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until it is done.")]
Verb = Literal["start", "stop", "restart"]


def age(moment: str | None) -> str:
    """Return how long ago an RFC 3339 moment was."""
    if not moment:
        return "–"
    then = datetime.fromisoformat(moment.replace("Z", "+00:00"))
    return elapsed(max(0.0, (datetime.now(UTC) - then).total_seconds()))


def _row(deployment: Json) -> list[str]:
    return [
        escape(deployment["name"]),
        escape(deployment["spec"]["model"]),
        state(deployment["phase"]),
        f"{deployment['replicas_ready']}/{deployment['replicas_desired']}",
        age(deployment["since"]),
        escape(deployment.get("reason") or ""),
    ]


def ls(url: UrlOption = None, token: TokenOption = None, as_json: JsonOption = False) -> None:
    """List the deployments: their phase, replicas ready, and why."""
    with connect(url, token) as client:
        found = list(client.pages("/api/v1/deployments", limit=200))
    if as_json:
        print_json({"items": found, "next_cursor": None})
    elif not found:
        out.print("There are no deployments yet. Make one: vllm-manager deploy NAME --model …")
    else:
        columns = ("NAME", "MODEL", "PHASE", "READY", "SINCE", "REASON")
        print_table(columns, (_row(deployment) for deployment in found))


def finish(client: Client, answer: Json, *, wait: bool, as_json: bool) -> None:
    """Wait for an accepted operation if asked to, and say how it stands."""
    operation, name = answer["operation"], str(answer["operation"]["subject"])
    deployment: Json | None = answer.get("deployment")
    if wait:
        try:
            deployment = follow_operation(client, name, operation["id"])
        except KeyboardInterrupt:
            err.print(f"It goes on by itself; look with: vllm-manager ls ({operation['id']})")
            raise
        operation = client.get(f"/api/v1/operations/{operation['id']}")
    if as_json:
        print_json({"deployment": deployment, "operation": operation})
    elif deployment is None:
        out.print(f"{escape(name)} is deleted")
    else:
        out.print(f"{escape(name)} is {state(str(deployment['phase']))}")
        if wait and (how := start_of(deployment)):
            err.print(f"  {escape(how)}", style="dim")


def _change(
    verb: Verb,
    name: str,
    url: str | None,
    token: str | None,
    *,
    wait: bool,
    as_json: bool,
    body: Json | None = None,
) -> None:
    with connect(url, token) as client:
        answer = client.post(deployment_path(name, verb), body)
        finish(client, answer, wait=wait, as_json=as_json)


ForceOption = Annotated[
    bool, typer.Option("--force", help="Start it even if the estimate says that it can't fit.")
]


def stop(
    name: NameArgument,
    wait: WaitOption = True,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Stop a deployment: requests under way are finished, its memory is freed."""
    _change("stop", name, url, token, wait=wait, as_json=as_json)


def start(
    name: NameArgument,
    force: ForceOption = False,
    wait: WaitOption = True,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start a stopped or failed deployment."""
    _change("start", name, url, token, wait=wait, as_json=as_json, body={"force": force})


def restart(
    name: NameArgument,
    config_version: Annotated[
        int | None, typer.Option(help="Of the config that it is made from. Default: the newest.")
    ] = None,
    force: ForceOption = False,
    wait: WaitOption = True,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start a deployment anew, with its newest settings."""
    body: Json = {"config_version": config_version, "force": force}
    _change("restart", name, url, token, wait=wait, as_json=as_json, body=body)


def delete(
    name: NameArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    wait: WaitOption = True,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete a deployment: stop it and forget its settings. The model's files stay."""
    if not yes:
        typer.confirm(f"Delete the deployment {name}?", abort=True, err=True)
    with connect(url, token) as client:
        finish(client, client.delete(deployment_path(name)), wait=wait, as_json=as_json)
