"""`explain`: why a deployment failed, with what mends it; or why it is slow."""

from typing import Annotated

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
from vllm_manager.cli.deployments import NameArgument, WaitOption, finish
from vllm_manager.cli.output import out, print_json
from vllm_manager.cli.remedies import address_of, apply, chosen, doable

DoOption = Annotated[
    int | None,
    typer.Option("--do", metavar="N", min=1, help="Do the remedy of that number."),
]


def explain(
    name: NameArgument,
    do: DoOption = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Don't ask before another deployment is stopped.")
    ] = False,
    wait: WaitOption = True,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say why a deployment failed or is slow; with --do, mend it."""
    with connect(url, token) as client:
        deployment = client.get(deployment_path(name))
        if do is not None:
            _mend(client, deployment, chosen(deployment, do), yes=yes, wait=wait, as_json=as_json)
            return
        error: Json | None = deployment["last_error"]
        failed = error is not None and deployment["phase"] not in ("ready", "stopped")
        speed = None if failed else client.get(deployment_path(name, "performance"))
    if as_json:
        print_json({"phase": deployment["phase"], "error": error, "performance": speed})
    elif speed is not None:
        _print_speed(deployment, speed)
    elif error is not None:
        _print_failure(error)


def _mend(
    client: Client, deployment: Json, remedy: Json, *, yes: bool, wait: bool, as_json: bool
) -> None:
    address = address_of(client, remedy)
    if address is None:
        answer = apply(client, deployment, remedy, yes=yes)
        finish(client, answer, wait=wait, as_json=as_json)
    elif as_json:
        print_json({"address": address})
    else:
        out.print(escape(f"{remedy['label']}: {address}"), soft_wrap=True)


def _print_failure(error: Json) -> None:
    out.print(f"[bold]{escape(error['title'])}[/bold]  ({error['code']})")
    out.print(escape(error["detail"]))
    for cause in error["causes"]:
        out.print(escape(cause["message"]), style="dim")
        for line in (cause["evidence"] or "").splitlines():
            out.print(f"  {escape(line)}", soft_wrap=True)
    remedies = doable(error)
    for remedy in error["remediation"]:
        number = f"--do {remedies.index(remedy) + 1}" if remedy in remedies else "-"
        out.print(f"  {number:8}{escape(remedy['label'])}")


def _print_speed(deployment: Json, speed: Json) -> None:
    out.print(f"{escape(deployment['name'])} is {deployment['phase']}. {escape(speed['summary'])}")
    for cause in speed["causes"]:
        out.print(f"  {cause['share']:>4.0%}  {escape(cause['cause'])}")
        out.print(f"        {escape(cause['advice'])}", style="dim")
