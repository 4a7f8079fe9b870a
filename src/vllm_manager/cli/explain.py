"""`explain`: why a deployment failed, with what mends it; or why it is slow."""

from typing import Annotated

import typer
from rich.markup import escape

from vllm_manager.cli.client import (
    Json,
    JsonOption,
    TokenOption,
    UrlOption,
    connect,
    deployment_path,
)
from vllm_manager.cli.deployments import NameArgument, WaitOption
from vllm_manager.cli.output import out, print_json
from vllm_manager.cli.remedies import chosen, mend, print_remedies
from vllm_manager.kit.errors import Problem

DoOption = Annotated[
    int | None,
    typer.Option("--do", metavar="N", min=1, help="Do the remedy of that number."),
]

YesOption = Annotated[
    bool,
    typer.Option(
        "--yes", "-y", help="Don't ask before a deployment is stopped, or restarted as it serves."
    ),
]


def explain(
    name: NameArgument,
    do: DoOption = None,
    yes: YesOption = False,
    wait: WaitOption = True,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say why a deployment failed or is slow; with --do, mend it."""
    with connect(url, token) as client:
        deployment = client.get(deployment_path(name))
        if do is not None:
            remedy = chosen(_troubles(deployment), do)
            mend(client, deployment, remedy, yes=yes, wait=wait, as_json=as_json)
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


def _troubles(deployment: Json) -> list[Json]:
    """Return the remedies of what a deployment fails of now.

    Raises:
        Problem: it does not fail.
    """
    name, phase, error = deployment["name"], deployment["phase"], deployment["last_error"]
    if error is None or phase in ("ready", "stopped"):
        detail = f"{name} is {phase}: there is nothing to mend. Its last error is history."
        raise Problem("nothing_to_mend", detail, status=409)
    return error["remediation"]


def _print_failure(error: Json) -> None:
    out.print(f"[bold]{escape(error['title'])}[/bold]  ({error['code']})")
    out.print(escape(error["detail"]))
    for cause in error["causes"]:
        out.print(escape(cause["message"]), style="dim")
        for line in (cause["evidence"] or "").splitlines():
            out.print(f"  {escape(line)}", soft_wrap=True)
    print_remedies(error["remediation"])


def _print_speed(deployment: Json, speed: Json) -> None:
    out.print(f"{escape(deployment['name'])} is {deployment['phase']}. {escape(speed['summary'])}")
    for cause in speed["causes"]:
        out.print(f"  {cause['share']:>4.0%}  {escape(cause['cause'])}")
        out.print(f"        {escape(cause['advice'])}", style="dim")
