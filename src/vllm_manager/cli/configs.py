"""`config`: named, versioned recipes: list, show, save, compare, copy, roll back, files."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

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
    read_spec,
)
from vllm_manager.cli.deploy import (
    ArgumentOption,
    ConcurrencyOption,
    CpusOption,
    EnvironmentOption,
    GpusOption,
    ModelOption,
    PipelineOption,
    QueuedOption,
    QueueWaitOption,
    ReplicasOption,
    RevisionOption,
    TensorOption,
    merge,
    parse_arguments,
    parse_environment,
    resources_of,
)
from vllm_manager.cli.deployments import age
from vllm_manager.cli.output import out, print_json, print_table
from vllm_manager.kit.errors import Problem

_PATH = "/api/v1/configs"
_RECIPE_FIELDS = (
    "model",
    "revision",
    "replicas",
    "autoscaling",
    "resources",
    "arguments",
    "environment",
    "lora_modules",
    "max_concurrent_requests",
    "max_queued_requests",
    "queue_wait_seconds",
)

app = typer.Typer(
    name="config",
    help="Named, versioned recipes for deployments.",
    no_args_is_help=True,
)

NameArgument = Annotated[str, typer.Argument(help="The config's name.", show_default=False)]
VersionOption = Annotated[int | None, typer.Option(help="Which version. Default: the newest.")]
PresetOption = Annotated[
    str | None, typer.Option(help="Begin with a preset: see `config presets`.")
]
FromOption = Annotated[str | None, typer.Option("--from", help="Begin with what a deployment has.")]
MessageOption = Annotated[str | None, typer.Option("--message", "-m", help="What is changed.")]


def _path(name: str, *rest: str) -> str:
    return "/".join([_PATH, quote(name, safe=""), *rest])


@app.command()
def ls(url: UrlOption = None, token: TokenOption = None, as_json: JsonOption = False) -> None:
    """List configs: newest version, model, who saved it, who uses it."""
    with connect(url, token) as client:
        found = list(client.pages(_PATH, limit=200))
    if as_json:
        print_json({"items": found, "next_cursor": None})
    elif not found:
        out.print("There are no configs yet. Make one: vllm-manager config save NAME --model …")
    else:
        columns = ("NAME", "VERSION", "MODEL", "SAVED", "BY", "USED BY")
        print_table(columns, (_row(config) for config in found))


def _row(config: Json) -> list[str]:
    return [
        escape(config["name"]),
        str(config["version"]),
        escape(config["model"]),
        age(config["updated_at"]),
        escape(config["author"] or "–"),
        escape(", ".join(config["used_by"]) or "–"),
    ]


@app.command()
def show(
    name: NameArgument,
    version: VersionOption = None,
    versions: Annotated[bool, typer.Option("--versions", help="List its versions.")] = False,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a config as JSON, or list its versions."""
    with connect(url, token) as client:
        if not versions:
            # A config is JSON: people see what programs see.
            path = _path(name) if version is None else _path(name, "versions", str(version))
            print_json(client.get(path))
            return
        found = list(client.pages(_path(name, "versions"), limit=200))
    if as_json:
        print_json({"items": found, "next_cursor": None})
        return
    rows = (
        [str(v["version"]), age(v["at"]), escape(v["author"] or "–"), escape(v["message"] or "")]
        for v in found
    )
    print_table(("VERSION", "SAVED", "BY", "MESSAGE"), rows)


@app.command()
def save(
    name: NameArgument,
    model: ModelOption = None,
    revision: RevisionOption = None,
    replicas: ReplicasOption = None,
    argument: ArgumentOption = None,
    environment: EnvironmentOption = None,
    gpus: GpusOption = None,
    cpus: CpusOption = None,
    tensor_parallel: TensorOption = None,
    pipeline_parallel: PipelineOption = None,
    max_concurrent_requests: ConcurrencyOption = None,
    max_queued_requests: QueuedOption = None,
    queue_wait_seconds: QueueWaitOption = None,
    description: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    preset: PresetOption = None,
    deployment: FromOption = None,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help="Begin with a recipe as JSON (`-`: stdin).")
    ] = None,
    message: MessageOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Keep a config: a new one, or a new version with what is given changed."""
    given: Json = {
        "model": model,
        "revision": revision,
        "replicas": replicas,
        "resources": resources_of(cpus, gpus, tensor_parallel, pipeline_parallel),
        "arguments": parse_arguments(argument or []),
        "environment": parse_environment(environment or []),
        "max_concurrent_requests": max_concurrent_requests,
        "max_queued_requests": max_queued_requests,
        "queue_wait_seconds": queue_wait_seconds,
        "description": description,
    }
    with connect(url, token) as client:
        known = _known(client, name)
        base = _base(client, known, file, deployment)
        if preset is not None:
            base = merge(base, _preset(client, preset))
        recipe = merge(base, given)
        if "model" not in recipe:
            raise typer.BadParameter("name one: --model demo", param_hint="--model")
        _finish(_keep(client, name, known, recipe, message), as_json=as_json)


def _known(client: Client, name: str) -> Json | None:
    try:
        return client.get(_path(name))
    except Problem as problem:
        if problem.code == "config_not_found":
            return None
        raise


def _base(client: Client, known: Json | None, file: Path | None, deployment: str | None) -> Json:
    """Return the recipe to begin with."""
    if file is not None:
        wrapping = ("format", "name", "$schema")
        return {k: v for k, v in read_spec(file).items() if k not in wrapping}
    if deployment is not None:
        spec = client.get(deployment_path(deployment))["spec"]
        return {field: spec[field] for field in _RECIPE_FIELDS if field in spec}
    return dict(known["recipe"]) if known is not None else {}


def _preset(client: Client, preset: str) -> Json:
    found: list[Json] = client.get(f"{_PATH}/presets")["items"]
    for each in found:
        if each["id"] == preset:
            return each["recipe"]
    names = ", ".join(each["id"] for each in found)
    raise typer.BadParameter(f"there is no “{preset}”; known: {names}", param_hint="--preset")


def _keep(client: Client, name: str, known: Json | None, recipe: Json, message: str | None) -> Json:
    if known is None:
        body: Json = {"name": name, "recipe": recipe, "message": message}
        return {"config": client.post(_PATH, body), "changed": True}
    body = {"recipe": recipe, "message": message, "expected_version": known["version"]}
    return client.put(_path(name), body)


def _finish(saved: Json, *, as_json: bool) -> None:
    config = saved["config"]
    if as_json:
        print_json(saved)
    elif saved["changed"]:
        out.print(f"{escape(config['name'])} is at version {config['version']}")
    else:
        out.print(f"{escape(config['name'])} says so already, in version {config['version']}")


@app.command()
def diff(
    name: NameArgument,
    before: Annotated[int | None, typer.Option("--from", help="Default: the one before.")] = None,
    after: Annotated[int | None, typer.Option("--to", help="Default: the newest.")] = None,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two versions of a config."""
    with connect(url, token) as client:
        found = client.get(_path(name, "diff"), **{"from": before, "to": after})
    if as_json:
        print_json(found)
        return
    title = f"{escape(name)}, version {found['from']} → {found['to']}"
    out.print(title if found["changes"] else f"{title}: no difference")
    for change in found["changes"]:
        for sign, colour, side in (("-", "red", "from"), ("+", "green", "to")):
            if change["kind"] != {"-": "added", "+": "removed"}[sign]:
                value = escape(json.dumps(change[side], ensure_ascii=False))
                out.print(f"[{colour}]{sign} {escape(change['path'])}: {value}[/{colour}]")


@app.command()
def clone(
    name: NameArgument,
    new_name: Annotated[str, typer.Argument(help="Name of the copy.", show_default=False)],
    version: VersionOption = None,
    message: MessageOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy a config under a new name."""
    body: Json = {"name": new_name, "version": version, "message": message}
    with connect(url, token) as client:
        copy = client.post(_path(name, "clone"), body)
    _finish({"config": copy, "changed": True}, as_json=as_json)


@app.command()
def rollback(
    name: NameArgument,
    version: Annotated[int, typer.Argument(help="The version to go back to.", show_default=False)],
    message: MessageOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a new version that is equal to an old one."""
    with connect(url, token) as client:
        saved = client.post(_path(name, "rollback"), {"version": version, "message": message})
    _finish(saved, as_json=as_json)


@app.command("import")
def import_(
    files: Annotated[list[Path], typer.Argument(help="Config files.", show_default=False)],
    check: Annotated[bool, typer.Option("--check", help="Only say what would happen.")] = False,
    message: MessageOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Import config files; of each all configs or none. Mistakes are named with line and column."""
    items: list[Json] = []
    with connect(url, token) as client:
        for file in files:
            body = {"text": _text(file), "message": message, "check_only": check}
            items += client.post(f"{_PATH}/import", body)["items"]
    if as_json:
        print_json({"items": items, "saved": not check})
        return
    for item in items:
        would = "would be " if check and item["outcome"] != "unchanged" else ""
        said = f"{would}{item['outcome']}, version {item['version']}"
        out.print(f"{escape(item['name'])}: {said}")


def _text(file: Path) -> str:
    try:
        if str(file) == "-":
            return typer.get_text_stream("stdin").read()
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{file}: {error}") from error


@app.command()
def export(
    names: Annotated[
        list[str] | None, typer.Argument(help="Which ones. Default: all.", show_default=False)
    ] = None,
    version: VersionOption = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file. Default: standard output.")
    ] = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Export configs as a file that `config import` takes."""
    with connect(url, token) as client:
        document = _exported(client, names or [], version)
    if output is None:
        print_json(document)
    else:
        _write(output, document)
        out.print(f"Written to {escape(str(output))}")


def _write(file: Path, document: Json) -> None:
    try:
        file.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    except OSError as error:
        raise typer.BadParameter(f"{file}: {error.strerror}", param_hint="--output") from error


def _exported(client: Client, names: Iterable[str], version: int | None) -> Json:
    found = [client.get(_path(name, "export"), version=version) for name in names]
    if not found:
        return client.get(f"{_PATH}/export")
    return found[0] if len(found) == 1 else {"format": found[0]["format"], "configs": found}


@app.command()
def rm(
    name: NameArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete a config with all its versions; refused while deployments use it."""
    if not yes:
        typer.confirm(f"Delete the config {name} with all its versions?", abort=True, err=True)
    with connect(url, token) as client:
        client.delete(_path(name))
    if as_json:
        print_json({"deleted": name})
    else:
        out.print(f"{escape(name)} is deleted")


@app.command()
def presets(
    model: Annotated[str | None, typer.Option(help="Only those for this model.")] = None,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what well-known families of models are best run with, and why."""
    with connect(url, token) as client:
        found: list[Json] = client.get(f"{_PATH}/presets", model=model)["items"]
    if as_json:
        print_json({"items": found, "next_cursor": None})
        return
    if not found:
        out.print("There is no preset for it; vLLM's own defaults are a good beginning.")
    for each in found:
        out.print(f"[bold]{escape(each['id'])}[/bold]  {escape(each['title'])}")
        out.print(f"    {escape(each['why'])}")
        settings = json.dumps(each["recipe"].get("arguments", {}), ensure_ascii=False)
        out.print(f"    {escape(settings)}", style="dim")


@app.command()
def schema(url: UrlOption = None, token: TokenOption = None) -> None:
    """Print the JSON Schema of config files, with the installed engine's arguments."""
    with connect(url, token) as client:
        print_json(client.get(f"{_PATH}/schema"))
