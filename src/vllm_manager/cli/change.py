"""`change` and `scale`: another setting for a deployment that is there."""

from collections.abc import Mapping, Sequence
from pathlib import Path
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
    read_spec,
)
from vllm_manager.cli.deploy import (
    ArgumentOption,
    ConcurrencyOption,
    ConfigOption,
    CpusOption,
    EnvironmentOption,
    FileOption,
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
    parse_config,
    parse_environment,
    resources_of,
)
from vllm_manager.cli.deployments import ForceOption, NameArgument, WaitOption, finish
from vllm_manager.cli.output import out, print_json

_LAID_OVER = ("resources", "arguments", "environment")
"""What the server takes as a whole: what is given is laid over what stands there."""
_NOT_CHANGED = ("name", "engine", "start")
"""What stands in a spec, and is not changed."""

TakenOut = Mapping[str, Sequence[str]]
"""Names of members that are to go, by the field that they stand in."""

NoArgumentOption = Annotated[
    list[str] | None,
    typer.Option("--no-arg", metavar="NAME", help="Take an engine argument out. Repeatable."),
]
NoEnvironmentOption = Annotated[
    list[str] | None,
    typer.Option("--no-env", metavar="NAME", help="Take a variable out. Repeatable."),
]
RestartOption = Annotated[
    bool, typer.Option("--restart", help="Restart it where that is needed, and wait for it.")
]


def change(
    name: NameArgument,
    model: ModelOption = None,
    config: ConfigOption = None,
    revision: RevisionOption = None,
    replicas: ReplicasOption = None,
    argument: ArgumentOption = None,
    no_argument: NoArgumentOption = None,
    environment: EnvironmentOption = None,
    no_environment: NoEnvironmentOption = None,
    gpus: GpusOption = None,
    cpus: CpusOption = None,
    tensor_parallel: TensorOption = None,
    pipeline_parallel: PipelineOption = None,
    max_concurrent_requests: ConcurrencyOption = None,
    max_queued_requests: QueuedOption = None,
    queue_wait_seconds: QueueWaitOption = None,
    file: FileOption = None,
    force: ForceOption = False,
    restart: RestartOption = False,
    wait: WaitOption = True,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change what a deployment is asked to be; what is not given stays."""
    given: Json = {
        "model": model,
        "config": parse_config(config),
        "revision": revision,
        "replicas": replicas,
        "resources": resources_of(cpus, gpus, tensor_parallel, pipeline_parallel),
        "arguments": parse_arguments(argument or []),
        "environment": parse_environment(environment or []),
        "max_concurrent_requests": max_concurrent_requests,
        "max_queued_requests": max_queued_requests,
        "queue_wait_seconds": queue_wait_seconds,
        "force": force or None,
    }
    taken_out = {"arguments": no_argument or [], "environment": no_environment or []}
    wanted = _wanted(file, given, taken_out)
    with connect(url, token) as client:
        path = deployment_path(name)
        changed = client.patch(path, laid_over(client.get(path)["spec"], wanted, taken_out))
        _tell(client, changed, restart=restart, wait=wait, as_json=as_json)


def scale(
    name: NameArgument,
    replicas: Annotated[int, typer.Argument(min=1, help="How many copies.", show_default=False)],
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change how many replicas a deployment has. It takes effect at once."""
    with connect(url, token) as client:
        changed = client.patch(deployment_path(name), {"replicas": replicas})
        _tell(client, changed, restart=False, wait=False, as_json=as_json)


def _wanted(file: Path | None, given: Json, taken_out: TakenOut) -> Json:
    told = {key: value for key, value in read_spec(file).items() if key not in _NOT_CHANGED}
    wanted = merge(told, given)
    if not (wanted.keys() - {"force"} or any(taken_out.values())):
        raise typer.BadParameter("say what is to change: --arg max_model_len=4096, --replicas 2 …")
    return wanted


def laid_over(spec: Json, wanted: Json, taken_out: TakenOut) -> Json:
    """Return the change for the server: its members are taken whole, so they are made whole here.

    Raises:
        typer.BadParameter: something is to be taken out that does not stand there.
    """
    made = dict(wanted)
    for key in _LAID_OVER:
        gone = taken_out.get(key, ())
        if key not in wanted and not gone:
            continue
        held = {**spec[key], **wanted.get(key, {})}
        for member in gone:
            if member not in held:
                known = ", ".join(spec[key]) or "none"
                raise typer.BadParameter(f"there is no “{member}” to take out; there are: {known}")
            del held[member]
        made[key] = held
    return made


def _tell(client: Client, changed: Json, *, restart: bool, wait: bool, as_json: bool) -> None:
    name = str(changed["name"])
    if restart and changed["stale"]:
        answer = client.post(deployment_path(name, "restart"))
        finish(client, answer, wait=wait, as_json=as_json)
    elif as_json:
        print_json(changed)
    elif changed["stale"]:
        out.print(f"{escape(name)} is changed. What runs is as before until it is restarted:")
        out.print(f"  vllm-manager restart {escape(name)}")
    else:
        out.print(f"{escape(name)} is changed")
