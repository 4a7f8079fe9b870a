"""`fit`: whether a model with its settings fits, what takes how much, and what to change."""

from typing import Annotated

import typer
from rich.markup import escape

from vllm_manager.cli.client import Json, JsonOption, TokenOption, UrlOption, connect
from vllm_manager.cli.deploy import (
    ArgumentOption,
    EnvironmentOption,
    GpusOption,
    PipelineOption,
    ReplicasOption,
    RevisionOption,
    TensorOption,
    parse_arguments,
    parse_environment,
)
from vllm_manager.cli.output import out, print_json, print_table, size

_GIB = 1024**3
_COLOURS = {"fits": "green", "tight": "yellow", "does_not_fit": "red", "unknown": "yellow"}
_SHOWN = 4
_ROWS = (
    ("weights", "weights"),
    ("kv_cache", "KV cache"),
    ("activations", "activations"),
    ("graphs", "CUDA graphs"),
    ("lora", "adapters"),
    ("overhead", "framework"),
    ("needed", "needed at least"),
    ("allowed", "can be had"),
    ("other_processes", "held by others"),
    ("free", "free"),
    ("total", "total"),
)

ModelArgument = Annotated[
    str, typer.Argument(help="`demo`, a folder of safetensors, or a Hugging Face id.")
]
MemoryOption = Annotated[
    float | None,
    typer.Option("--gpu-memory", help="GiB of a GPU that is not here, to ask about it.", min=0.1),
]
CountOption = Annotated[int, typer.Option("--gpu-count", help="How many such GPUs.", min=1)]


def fit(
    model: ModelArgument,
    revision: RevisionOption = None,
    argument: ArgumentOption = None,
    environment: EnvironmentOption = None,
    gpus: GpusOption = None,
    tensor_parallel: TensorOption = None,
    pipeline_parallel: PipelineOption = None,
    replicas: ReplicasOption = None,
    gpu_memory: MemoryOption = None,
    gpu_count: CountOption = 1,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say whether a model fits, before anything is started. Exits with 1 if it does not."""
    resources: Json = {
        "gpus": gpus,
        "tensor_parallel_size": tensor_parallel,
        "pipeline_parallel_size": pipeline_parallel,
    }
    device = None
    if gpu_memory is not None:
        device = {"memory_total_bytes": int(gpu_memory * _GIB), "count": gpu_count}
    question: Json = {
        "model": model,
        "revision": revision,
        "arguments": parse_arguments(argument or []),
        "environment": parse_environment(environment or []),
        "resources": {name: value for name, value in resources.items() if value is not None},
        "replicas": replicas or 1,
        "device": device,
    }
    with connect(url, token) as client:
        report = client.post("/api/v1/fit", question)
    if as_json:
        print_json(report)
    else:
        _print(report)
    if report["verdict"] == "does_not_fit":
        raise typer.Exit(1)


def _print(report: Json) -> None:
    verdict = str(report["verdict"])
    colour = _COLOURS.get(verdict, "dim")
    out.print(f"[{colour}]{verdict.replace('_', ' ')}[/{colour}]  {escape(report['summary'])}")
    out.print(f"  How sure: {escape(report['confidence'])}", style="dim")
    if report["devices"]:
        _print_devices(report["devices"])
        _print_context(report)
    for why in report["unknowns"]:
        out.print(f"  [yellow]?[/yellow] {escape(why)}")
    for way in report["suggestions"]:
        settings = {**way["also"], way["field"]: way["value"]}
        shown = ", ".join(f"{field} = {value}" for field, value in settings.items())
        out.print(f"  → {escape(shown)}: {way['verdict'].replace('_', ' ')}. {escape(way['gain'])}")
    for assumption in report["assumptions"]:
        out.print(f"  {escape(assumption)}", style="dim")


def _print_devices(devices: list[Json]) -> None:
    shown = devices[:_SHOWN]
    columns = ("", *(_device(device) for device in shown))
    rows = [(name, *(size(device[f"{part}_bytes"]) for device in shown)) for part, name in _ROWS]
    print_table(columns, rows)
    if len(devices) > _SHOWN:
        out.print(f"  … and {len(devices) - _SHOWN} more devices", style="dim")


def _device(device: Json) -> str:
    if device["kind"] == "cpu":
        return "memory"
    return "GPU" if device["index"] is None else f"GPU {device['index']}"


def _print_context(report: Json) -> None:
    facts = {
        "KV cache per token": size(report["kv_bytes_per_token"]),
        "tokens in the cache": _number(report["kv_tokens"]),
        "context": _number(report["max_model_len"]),
        "longest that fits": _number(report["largest_max_model_len"]),
        "requests of full length at once": _number(report["max_concurrency"]),
        "smallest number of GPUs": _number(report["smallest_gpus"]),
    }
    for name, value in facts.items():
        out.print(f"  {name + ':':34}{value}")


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,}"
