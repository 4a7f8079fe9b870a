"""`deploy`: a deployment from flags, from a file, or from both."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer

from vllm_manager.cli.client import (
    Json,
    JsonOption,
    TokenOption,
    UrlOption,
    as_object,
    connect,
    read_spec,
)
from vllm_manager.cli.deployments import ForceOption, NameArgument, WaitOption, finish


def parse_arguments(pairs: Iterable[str]) -> Json:
    """Return engine arguments from `key=value` words; a word alone means true.

    Values are read as JSON where they are JSON (`1024`, `true`, `{"a": 1}`), else as text.
    """
    found: Json = {}
    for pair in pairs:
        key, separator, text = pair.partition("=")
        name = key.strip().lstrip("-").replace("-", "_")
        if not name:
            raise typer.BadParameter(f"“{pair}” is not key=value", param_hint="--arg")
        found[name] = _value(text) if separator else True
    return found


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def parse_environment(pairs: Iterable[str]) -> dict[str, str]:
    """Return environment variables from `KEY=value` words."""
    found: dict[str, str] = {}
    for pair in pairs:
        key, separator, text = pair.partition("=")
        if not (key and separator):
            raise typer.BadParameter(f"“{pair}” is not KEY=value", param_hint="--env")
        found[key] = text
    return found


def resources_of(
    cpus: float | None, gpus: int | None, tensor: int | None, pipeline: int | None
) -> Json:
    """Return what one replica reserves, from flags."""
    return {
        "cpus": cpus,
        "gpus": gpus,
        "tensor_parallel_size": tensor,
        "pipeline_parallel_size": pipeline,
    }


def parse_config(text: str | None) -> Json | None:
    """Return a config's name and version from `name` or `name@version`."""
    if text is None:
        return None
    name, separator, version = text.partition("@")
    if separator and not version.isdecimal():
        raise typer.BadParameter(f"“{text}” is not NAME or NAME@VERSION", param_hint="--config")
    return {"name": name, "version": int(version) if separator else None}


def merge(spec: Json, given: Json) -> Json:
    """Return `spec` with what was given on top; objects are merged, None changes nothing."""
    merged = dict(spec)
    for key, value in given.items():
        inner, known = as_object(value), as_object(merged.get(key))
        if inner is not None:
            if inner := merge(known or {}, inner):
                merged[key] = inner
        elif value is not None:
            merged[key] = value
    return merged


ModelOption = Annotated[
    str | None, typer.Option(help="`demo`, a folder of safetensors, or a Hugging Face id.")
]
RevisionOption = Annotated[str | None, typer.Option(help="Commit, tag or branch.")]
ReplicasOption = Annotated[int | None, typer.Option(help="How many copies.")]
ArgumentOption = Annotated[
    list[str] | None,
    typer.Option("--arg", help="Engine argument, `max_model_len=1024`. Repeatable."),
]
EnvironmentOption = Annotated[
    list[str] | None, typer.Option("--env", help="Variable of the engine, `KEY=value`. Repeatable.")
]
GpusOption = Annotated[int | None, typer.Option(help="GPUs per replica.")]
CpusOption = Annotated[float | None, typer.Option(help="CPUs per replica.")]
TensorOption = Annotated[int | None, typer.Option("--tp", help="Tensor parallel size.")]
PipelineOption = Annotated[int | None, typer.Option("--pp", help="Pipeline parallel size.")]
EngineOption = Annotated[str | None, typer.Option(help="Which engine.", hidden=True)]
ConcurrencyOption = Annotated[
    int | None, typer.Option(help="Requests at the same time; more wait, or are refused.")
]
QueuedOption = Annotated[int | None, typer.Option(help="Requests that may wait for their turn.")]
QueueWaitOption = Annotated[float | None, typer.Option(help="Seconds that one may wait.")]
FileOption = Annotated[
    Path | None,
    typer.Option("--file", "-f", help="A spec as JSON (`-`: standard input); flags win."),
]
ConfigOption = Annotated[
    str | None,
    typer.Option(help="Make it from a config: `chat`, or `chat@3` for its version 3."),
]
StartOption = Annotated[bool, typer.Option("--start/--no-start", help="Start it at once.")]


def deploy(
    name: NameArgument,
    model: ModelOption = None,
    config: ConfigOption = None,
    revision: RevisionOption = None,
    replicas: ReplicasOption = None,
    argument: ArgumentOption = None,
    environment: EnvironmentOption = None,
    gpus: GpusOption = None,
    cpus: CpusOption = None,
    tensor_parallel: TensorOption = None,
    pipeline_parallel: PipelineOption = None,
    engine: EngineOption = None,
    max_concurrent_requests: ConcurrencyOption = None,
    max_queued_requests: QueuedOption = None,
    queue_wait_seconds: QueueWaitOption = None,
    file: FileOption = None,
    begin: StartOption = True,
    force: ForceOption = False,
    wait: WaitOption = True,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Deploy a model under a name, and wait until it has generated a token."""
    given: Json = {
        "name": name,
        "model": model,
        "config": parse_config(config),
        "revision": revision,
        "engine": engine,
        "replicas": replicas,
        "resources": resources_of(cpus, gpus, tensor_parallel, pipeline_parallel),
        "arguments": parse_arguments(argument or []),
        "environment": parse_environment(environment or []),
        "max_concurrent_requests": max_concurrent_requests,
        "max_queued_requests": max_queued_requests,
        "queue_wait_seconds": queue_wait_seconds,
        "start": None if begin else False,
        "force": force or None,
    }
    _create(merge(read_spec(file), given), url, token, wait=wait, as_json=as_json)


def _create(spec: Json, url: str | None, token: str | None, *, wait: bool, as_json: bool) -> None:
    if "model" not in spec and "config" not in spec:
        raise typer.BadParameter("name one: --model demo, or --config", param_hint="--model")
    with connect(url, token) as client:
        headers = {"idempotency-key": uuid4().hex}
        answer = client.post("/api/v1/deployments", spec, headers)
        wait = wait and bool(answer["deployment"]["spec"].get("start", True))
        finish(client, answer, wait=wait, as_json=as_json)
