"""Does for a person what a remedy of a deployment or an alert says, as the page's buttons do."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

import typer
from rich.markup import escape

from vllm_manager.cli.client import Client, Json, deployment_path
from vllm_manager.cli.deployments import finish
from vllm_manager.cli.follow import until_settled
from vllm_manager.cli.output import out, print_json
from vllm_manager.cli.token import read_token
from vllm_manager.kit.errors import Problem, ProblemDetails

_RESOURCES: Final = ("cpus", "gpus", "tensor_parallel_size", "pipeline_parallel_size")
_OWN_FIELDS: Final = ("replicas",)
_LOOKS: Final = ("open", "visit")
_SERVING: Final = ("ready", "degraded")


def chosen(remedies: Sequence[Json], number: int) -> Json:
    """Return the remedy of that number, of those that are more than advice.

    Raises:
        Problem: there is none of that number.
    """
    doable = _doable(remedies)
    if number > len(doable):
        raise Problem("remedy_not_found", f"There are {len(doable)} remedies that can be done.")
    return doable[number - 1]


def print_remedies(remedies: Sequence[Json]) -> None:
    """Print them, those that can be done with how."""
    doable = _doable(remedies)
    for remedy in remedies:
        number = f"--do {doable.index(remedy) + 1}" if remedy in doable else "-"
        out.print(f"  {number:8}{escape(remedy['label'])}")


def _doable(remedies: Sequence[Json]) -> list[Json]:
    return [remedy for remedy in remedies if remedy["action"] != "none"]


def address_of(client: Client, remedy: Json) -> str | None:
    """Return the address of a remedy that is to look at something; None where it does something."""
    if remedy["action"] not in _LOOKS:
        return None
    told = remedy["arguments"]
    return str(told["url"]) if remedy["action"] == "visit" else f"{client.url}{told['path']}"


def mend(
    client: Client, deployment: Json, remedy: Json, *, yes: bool, wait: bool, as_json: bool
) -> None:
    """Do a remedy of a deployment, or tell the address of what is only to be looked at."""
    address = address_of(client, remedy)
    if address is not None:
        show_address(remedy, address, as_json=as_json)
    elif remedy["action"] == "scale":
        _scale(client, deployment, int(remedy["arguments"]["replicas"]), as_json=as_json)
    else:
        answer = apply(client, deployment, remedy, yes=yes)
        finish(client, answer, wait=wait, as_json=as_json)


def show_address(remedy: Json, address: str, *, as_json: bool) -> None:
    """Print where something is to be looked at."""
    if as_json:
        print_json({"address": address})
    else:
        out.print(escape(f"{remedy['label']}: {address}"), soft_wrap=True)


def _scale(client: Client, deployment: Json, replicas: int, *, as_json: bool) -> None:
    changed = client.patch(deployment_path(deployment["name"]), {"replicas": replicas})
    if as_json:
        print_json({"deployment": changed})
    else:
        out.print(f"[green]✓[/green] {escape(changed['name'])}: {replicas} replicas are wanted")


def apply(client: Client, deployment: Json, remedy: Json, *, yes: bool) -> Json:
    """Do a remedy, then start the deployment again unless it was to stop; return what was accepted.

    `yes`: a deployment is stopped, or restarted while it serves, without being asked.

    Raises:
        Problem: the server refuses a step; those after it are left out.
    """
    path, told = deployment_path(deployment["name"]), remedy["arguments"]
    if remedy["action"] == "stop" and told["name"] == deployment["name"]:
        _confirm_stop(str(told["name"]), yes=yes)
        return client.post(f"{path}/stop")
    if deployment["phase"] in _SERVING and not yes:
        typer.confirm(f"{deployment['name']} serves now. Restart it?", abort=True, err=True)
    match remedy["action"]:
        case "set_argument":
            settings: Json = {str(told["name"]): told.get("value"), **(told.get("also") or {})}
            client.patch(path, change_of(deployment, settings))
        case "refetch":
            _refetch(client, str(told["model_id"]))
        case "download":
            client.post("/api/v1/downloads", {"repo": told["repo"], "revision": told["revision"]})
        case "set_token":
            scope = quote(str(told["scope"]), safe="")
            client.put(f"/api/v1/catalog/token?scope={scope}", {"token": read_token()})
        case "stop":
            _stop(client, str(told["name"]), yes=yes)
        case "restart":
            pass
        case other:
            detail = f"This command line does not know how to do “{other}”. Upgrade it."
            raise Problem("remedy_unknown", detail)
    verb = "start" if deployment["desired"] == "stopped" else "restart"
    return client.post(f"{path}/{verb}")


def change_of(deployment: Json, settings: Mapping[str, Any]) -> Json:
    """Return the change that these settings mean; a value of None takes an argument out."""
    spec, change = deployment["spec"], dict[str, Any]()
    for name, value in settings.items():
        key = name.removeprefix("arguments.").removeprefix("resources.")
        if key in _OWN_FIELDS:
            change[key] = value
        elif key in _RESOURCES:
            change["resources"] = {**change.get("resources", spec["resources"]), key: value}
        else:
            held = {**change.get("arguments", spec["arguments"]), key: value}
            change["arguments"] = {k: v for k, v in held.items() if k != key or v is not None}
    return change


def _refetch(client: Client, model_id: str) -> None:
    """Have a model's files checked; those that are damaged are being fetched when it is over."""
    path = f"/api/v1/models/{quote(model_id, safe='')}/verify"
    operation = until_settled(client, client.post(path, {"refetch": True})["operation"])
    error = operation["error"]
    if error and error["code"] != "model_damaged":
        raise _failed(operation)


def _confirm_stop(name: str, *, yes: bool) -> None:
    if not yes:
        typer.confirm(f"Stop the deployment {name}?", abort=True, err=True)


def _stop(client: Client, name: str, *, yes: bool) -> None:
    _confirm_stop(name, yes=yes)
    answer = client.post(deployment_path(name, "stop"))
    operation = until_settled(client, answer["operation"])
    if operation["status"] != "succeeded":
        raise _failed(operation)


def _failed(operation: Json) -> Problem:
    problem = Problem("operation_failed", str(operation["message"]), status=500)
    if operation["error"]:
        problem.details = ProblemDetails.model_validate(operation["error"])
    return problem
