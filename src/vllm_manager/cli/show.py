"""`show`: one deployment whole: what it is, its replicas, how it started, what happened to it."""

from collections.abc import Iterator
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
from vllm_manager.cli.deployments import NameArgument, age
from vllm_manager.cli.follow import start_of
from vllm_manager.cli.output import out, print_json, print_table, state

EventsOption = Annotated[
    int, typer.Option("--events", min=0, max=200, help="So many of what happened last.")
]


def show(
    name: NameArgument,
    events: EventsOption = 10,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one deployment: settings, replicas, how it was started, what happened to it."""
    with connect(url, token) as client:
        deployment = client.get(deployment_path(name))
        replicas: list[Json] = client.get(deployment_path(name, "replicas"))["items"]
        path = deployment_path(name, "events")
        happened: list[Json] = client.get(path, limit=events)["items"] if events else []
    if as_json:
        print_json({"deployment": deployment, "replicas": replicas, "events": happened})
        return
    for word, value in _facts(deployment):
        out.print(f"  {word:<13}{value}")
    if replicas:
        columns = ("REPLICA", "PHASE", "NODE", "GPUS", "TRY", "RUNNING", "WAITING", "KV CACHE")
        print_table(columns, (_replica(replica) for replica in replicas))
    if happened:
        print_table(("WHEN", "WHAT"), (_event(event) for event in reversed(happened)))


def _facts(deployment: Json) -> Iterator[tuple[str, str]]:
    spec = deployment["spec"]
    since = age(deployment["since"])
    yield "State", f"{state(deployment['phase'])}, for {since}"
    if deployment["reason"]:
        yield "Why", escape(deployment["reason"])
    if deployment["stale"]:
        yield "Changed", "what runs is as before; `restart` makes it so"
    model = spec["model"] + (f" @ {spec['revision']}" if spec["revision"] else "")
    yield "Model", escape(model)
    if spec["config"]:
        yield "Config", escape(f"{spec['config']['name']}@{spec['config']['version']}")
    yield "Replicas", f"{deployment['replicas_ready']} of {deployment['replicas_desired']} ready"
    resources: Json = spec["resources"]
    known = [f"{key}={value}" for key, value in resources.items() if value is not None]
    yield "Each has", escape(", ".join(known)) or "the defaults"
    for key, value in spec["arguments"].items():
        yield "Argument", escape(f"{key}={value}")
    for key in spec["environment"]:
        yield "Variable", escape(key)
    for degradation in deployment["degradations"]:
        yield "Degraded", f"[yellow]{escape(degradation)}[/yellow]"
    if how := start_of(deployment):
        yield "Start", escape(how)


def _replica(replica: Json) -> list[str]:
    node: Json = replica["node"]
    metrics: Json = replica["metrics"] or {}
    gpus = [str(gpu["index"]) for gpu in node["gpus"] or () if gpu["index"] is not None]
    kv = metrics.get("kv_cache_usage_ratio")
    return [
        escape(replica["replica_id"]),
        state(replica["phase"]),
        escape(node["hostname"] or node["ip"] or "–"),
        ", ".join(gpus) or "–",
        "–" if replica["attempt"] is None else str(replica["attempt"]),
        _number(metrics.get("requests_running")),
        _number(metrics.get("requests_waiting")),
        "–" if kv is None else f"{kv:.0%}",
    ]


def _event(event: Json) -> list[str]:
    colour = "red" if event["kind"] == "error" else "none"
    return [f"{age(event['at'])} ago", f"[{colour}]{escape(event['message'])}[/{colour}]"]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}"
