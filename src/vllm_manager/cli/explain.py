"""`explain`: why a deployment failed, with what mends it; or why it is slow."""

from typing import Annotated, Any

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
from vllm_manager.kit.errors import Problem

_RESOURCES = ("cpus", "gpus", "tensor_parallel_size", "pipeline_parallel_size")
_DOABLE = ("set_argument", "restart")

DoOption = Annotated[
    int | None,
    typer.Option("--do", metavar="N", min=1, help="Do the remedy of that number."),
]


def explain(
    name: NameArgument,
    do: DoOption = None,
    wait: WaitOption = True,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say why a deployment failed or is slow; with --do, mend it."""
    with connect(url, token) as client:
        deployment = client.get(deployment_path(name))
        if do is not None:
            finish(client, _mend(client, deployment, do), wait=wait, as_json=as_json)
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


def change_of(deployment: Json, name: str, value: Any) -> Json:
    """Return the change that a `set_argument` remedy means; None takes an argument out."""
    key = name.removeprefix("arguments.").removeprefix("resources.")
    spec = deployment["spec"]
    if key == "replicas":
        return {"replicas": value}
    if key in _RESOURCES:
        return {"resources": {**spec["resources"], key: value}}
    held = {k: v for k, v in spec["arguments"].items() if k != key}
    return {"arguments": held if value is None else {**held, key: value}}


def _mend(client: Client, deployment: Json, number: int) -> Json:
    remedies = _doable(deployment["last_error"])
    if number > len(remedies):
        raise Problem("remedy_not_found", f"There are {len(remedies)} remedies that can be done.")
    remedy, path = remedies[number - 1], deployment_path(deployment["name"])
    if remedy["action"] == "set_argument":
        told = remedy["arguments"]
        client.patch(path, change_of(deployment, str(told["name"]), told.get("value")))
    verb = "start" if deployment["desired"] == "stopped" else "restart"
    return client.post(f"{path}/{verb}")


def _doable(error: Json | None) -> list[Json]:
    remedies: list[Json] = error["remediation"] if error else []
    return [remedy for remedy in remedies if remedy["action"] in _DOABLE]


def _print_failure(error: Json) -> None:
    out.print(f"[bold]{escape(error['title'])}[/bold]  ({error['code']})")
    out.print(escape(error["detail"]))
    for cause in error["causes"]:
        out.print(escape(cause["message"]), style="dim")
        for line in (cause["evidence"] or "").splitlines():
            out.print(f"  {escape(line)}", soft_wrap=True)
    doable = _doable(error)
    for remedy in error["remediation"]:
        number = f"--do {doable.index(remedy) + 1}" if remedy in doable else "-"
        out.print(f"  {number:8}{escape(remedy['label'])}")


def _print_speed(deployment: Json, speed: Json) -> None:
    out.print(f"{escape(deployment['name'])} is {deployment['phase']}. {escape(speed['summary'])}")
    for cause in speed["causes"]:
        out.print(f"  {cause['share']:>4.0%}  {escape(cause['cause'])}")
        out.print(f"        {escape(cause['advice'])}", style="dim")
