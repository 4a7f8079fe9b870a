"""Does for a person what a remedy of a failed deployment says, as the web page's buttons do."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import typer

from vllm_manager.cli.client import Client, Json, deployment_path
from vllm_manager.cli.follow import until_settled
from vllm_manager.cli.token import read_token
from vllm_manager.kit.errors import Problem, ProblemDetails

_RESOURCES: Final = ("cpus", "gpus", "tensor_parallel_size", "pipeline_parallel_size")
_OWN_FIELDS: Final = ("replicas",)
_LOOKS: Final = ("open", "visit")


def doable(error: Json | None) -> list[Json]:
    """Return the remedies that are done by their number: all that are more than advice."""
    remedies: list[Json] = error["remediation"] if error else []
    return [remedy for remedy in remedies if remedy["action"] != "none"]


def chosen(deployment: Json, number: int) -> Json:
    """Return the remedy of that number.

    Raises:
        Problem: the deployment does not fail now, or has no such remedy.
    """
    name, phase = str(deployment["name"]), str(deployment["phase"])
    if deployment["last_error"] is None or phase in ("ready", "stopped"):
        detail = f"{name} is {phase}: there is nothing to mend. Its last error is history."
        raise Problem("nothing_to_mend", detail, status=409)
    remedies = doable(deployment["last_error"])
    if number > len(remedies):
        raise Problem("remedy_not_found", f"There are {len(remedies)} remedies that can be done.")
    return remedies[number - 1]


def address_of(client: Client, remedy: Json) -> str | None:
    """Return the address of a remedy that is to look at something; None where it does something."""
    if remedy["action"] not in _LOOKS:
        return None
    told = remedy["arguments"]
    return str(told["url"]) if remedy["action"] == "visit" else f"{client.url}{told['path']}"


def apply(client: Client, deployment: Json, remedy: Json, *, yes: bool) -> Json:
    """Do a remedy, then start the deployment again; return what was accepted.

    `yes`: another deployment is stopped without being asked.

    Raises:
        Problem: the server refuses a step; those after it are left out.
    """
    path, told = deployment_path(deployment["name"]), remedy["arguments"]
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


def _stop(client: Client, name: str, *, yes: bool) -> None:
    if not yes:
        typer.confirm(f"Stop the deployment {name}?", abort=True, err=True)
    answer = client.post(deployment_path(name, "stop"))
    operation = until_settled(client, answer["operation"])
    if operation["status"] != "succeeded":
        raise _failed(operation)


def _failed(operation: Json) -> Problem:
    problem = Problem("operation_failed", str(operation["message"]), status=500)
    if operation["error"]:
        problem.details = ProblemDetails.model_validate(operation["error"])
    return problem
