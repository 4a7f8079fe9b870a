"""`models ls`, `verify`, `rm`, `adopt` and `import`: the models on the server's disk."""

from typing import Annotated
from urllib.parse import quote

import typer
from rich.markup import escape

from vllm_manager.cli.client import Client, Json, JsonOption, TokenOption, UrlOption, connect
from vllm_manager.cli.deployments import WaitOption, age
from vllm_manager.cli.follow import until_settled
from vllm_manager.cli.output import err, out, print_json, print_table, size
from vllm_manager.kit.errors import Problem, ProblemDetails

_PATH = "/api/v1/models"
_COLOURS = {"complete": "green", "partial": "yellow", "broken": "red"}

ModelArgument = Annotated[
    str,
    typer.Argument(
        help="`organisation/name`, with `@commit` (or its beginning) where there are several.",
        show_default=False,
    ),
]


def ls(url: UrlOption = None, token: TokenOption = None, as_json: JsonOption = False) -> None:
    """List the models on disk: size, state, last use, and who uses them."""
    with connect(url, token) as client:
        first = client.get(_PATH, limit=1)
        found = list(client.pages(_PATH, limit=200))
    if as_json:
        print_json({"items": found, "next_cursor": None, "total_bytes": first["total_bytes"]})
    elif not found:
        out.print("There are no models on disk yet. Fetch one: vllm-manager pull MODEL")
    else:
        columns = ("MODEL", "COMMIT", "REVISION", "SIZE", "STATE", "LAST USED", "USED BY")
        print_table(columns, (_row(model) for model in found))
        out.print(f"{size(first['total_bytes'])} on disk")
        _print_reasons(found)


def verify(
    model: ModelArgument,
    refetch: Annotated[
        bool, typer.Option("--refetch", help="Fetch damaged files again from the hub.")
    ] = False,
    wait: WaitOption = True,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hash a model's files anew, and name those that are wrong."""
    with connect(url, token) as client:
        path = f"{_PATH}/{quote(_one(client, model)['id'], safe='')}/verify"
        answer = client.post(path, {"refetch": refetch})
        _finish(client, answer["operation"], wait=wait, as_json=as_json)


def rm(
    model: ModelArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete a model from the disk. Refused while a deployment uses it."""
    with connect(url, token) as client:
        found = _one(client, model)
        if not yes:
            what = f"{found['repo']} ({size(found['freed_bytes'])})"
            typer.confirm(f"Delete {what} from the disk?", abort=True, err=True)
        answer = client.delete(f"{_PATH}/{quote(found['id'], safe='')}")
    if as_json:
        print_json(answer)
    else:
        out.print(f"{escape(found['repo'])} is deleted: {size(answer['freed_bytes'])} are free")


def adopt(
    model: Annotated[str | None, typer.Argument(help="Without it: what can be adopted.")] = None,
    commit: Annotated[str | None, typer.Option(help="Of several; default: main's.")] = None,
    wait: WaitOption = True,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a model in from the server's own Hugging Face cache; without a name, list them."""
    with connect(url, token) as client:
        if model is None:
            _list_adoptable(client, as_json)
            return
        answer = client.post(f"{_PATH}/adopt", {"repo": model, "commit": commit})
        _finish(client, answer["operation"], wait=wait, as_json=as_json)


def import_folder(
    path: Annotated[str, typer.Argument(help="Absolute path of a folder on the server.")],
    name: Annotated[str, typer.Option("--name", help="It becomes `local/NAME`.")],
    wait: WaitOption = True,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a folder of safetensors in, as `local/NAME`."""
    with connect(url, token) as client:
        answer = client.post(f"{_PATH}/import", {"path": path, "name": name})
        _finish(client, answer["operation"], wait=wait, as_json=as_json)


def register(models: typer.Typer) -> None:
    """Add the verbs to the group `models`."""
    models.command()(ls)
    models.command()(verify)
    models.command()(rm)
    models.command()(adopt)
    models.command("import")(import_folder)


def _one(client: Client, model: str) -> Json:
    """Return the revision on disk that a person named.

    Raises:
        Problem: there is none, or there are several.
    """
    repo, _, commit = model.partition("@")
    listed = [found for found in client.pages(_PATH, limit=200) if found["repo"] == repo]
    named = [found for found in listed if (found["commit"] or "unfinished").startswith(commit)]
    if len(named) == 1:
        return named[0]
    known = ", ".join(f"{repo}@{(found['commit'] or 'unfinished')[:12]}" for found in listed)
    if not named:
        hint = f" There is: {known}." if known else " See: vllm-manager models ls"
        raise Problem("model_not_found", f"{model} is not on disk.{hint}", status=404)
    detail = f"There are several revisions of {repo}; name one: {known}"
    raise Problem("model_ambiguous", detail, status=409)


def _finish(client: Client, operation: Json, *, wait: bool, as_json: bool) -> None:
    """Wait for the operation if asked to, and say how it stands.

    Raises:
        Problem: it failed.
    """
    if wait:
        operation = until_settled(client, operation)
    if operation["error"]:
        problem = Problem("operation_failed", str(operation["message"]), status=500)
        problem.details = ProblemDetails.model_validate(operation["error"])
        raise problem
    if as_json:
        print_json({"operation": operation})
    else:
        out.print(f"{escape(operation['subject'])}: {escape(operation['message'] or 'accepted')}")


def _list_adoptable(client: Client, as_json: bool) -> None:
    answer = client.get(f"{_PATH}/adoptable")
    if as_json:
        print_json(answer)
    elif not answer["items"]:
        out.print("The server's own Hugging Face cache holds no models.")
    else:
        columns = ("MODEL", "COMMIT", "SIZE", "STATE", "HOW")
        print_table(columns, (_adoptable(model) for model in answer["items"]))


def _adoptable(model: Json) -> list[str]:
    return [
        escape(model["repo"]),
        (model["commit"] or "–")[:12],
        size(model["size_bytes"]),
        _state(model["state"]),
        "adopted already" if model["is_adopted"] else model["how"],
    ]


def _row(model: Json) -> list[str]:
    return [
        escape(model["repo"]),
        (model["commit"] or "–")[:12],
        escape(", ".join(model["revisions"])),
        size(model["size_bytes"]),
        _state(model["state"]),
        f"{age(model['last_used_at'])} ago" if model["last_used_at"] else "–",
        escape(", ".join(model["used_by"])),
    ]


def _state(word: str) -> str:
    return f"[{_COLOURS[word]}]{word}[/{_COLOURS[word]}]"


def _print_reasons(models: list[Json]) -> None:
    for model in models:
        for reason in model["reasons"]:
            err.print(f"[yellow]![/yellow] {escape(model['repo'])}: {escape(reason)}")
