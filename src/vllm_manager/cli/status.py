"""`status`: what runs, from the run files here and from the server's own account."""

from contextlib import suppress

import psutil
from rich.markup import escape

from vllm_manager.cli.client import (
    Client,
    Json,
    JsonOption,
    TokenOption,
    UrlOption,
    as_object,
    connect,
    deployment_path,
)
from vllm_manager.cli.deployments import age
from vllm_manager.cli.hardware import print_probe_problem
from vllm_manager.cli.output import err, out, print_json, print_problem, print_table, size, state
from vllm_manager.cli.runner import RunFiles, ServiceRecord
from vllm_manager.cli.runner.processes import Member
from vllm_manager.cli.runner.records import STEWARD
from vllm_manager.kit.errors import Problem
from vllm_manager.settings import Settings

_SERVICES = (STEWARD, "ray", "control-plane", "gateway")


def held_bytes(process: psutil.Process) -> int:
    """Return a process's memory; what it shares with others counts by its share, where known."""
    try:
        return int(process.memory_full_info().pss)
    except (AttributeError, psutil.AccessDenied):
        return int(process.memory_info().rss)


def resident_bytes(members: list[Member], *, below: bool = True) -> int | None:
    """Return the memory that living processes hold, and those below them; None where none lives."""
    seen: dict[int, int] = {}
    for member in members:
        if not member.is_alive():
            continue
        with suppress(psutil.Error):
            process = psutil.Process(member.pid)
            for one in (process, *(process.children(recursive=True) if below else ())):
                seen[one.pid] = held_bytes(one)
    return sum(seen.values()) if seen else None


def _local(settings: Settings) -> list[Json]:
    files = RunFiles(settings.run_dir)
    records = [record for name in _SERVICES if (record := files.service(name))]
    return [_described(record) for record in records]


def _described(record: ServiceRecord) -> Json:
    alive = any(member.is_alive() for member in record.members)
    shown = record.state if alive or record.state == "waiting" else "stopped"
    return {
        "name": record.name,
        "state": shown,
        "since": record.since.isoformat().replace("+00:00", "Z"),
        "pid": record.leader.pid if record.leader and alive else None,
        "port": record.port,
        "resident_bytes": resident_bytes(record.members, below=record.name != STEWARD),
        "restarts": record.restarts,
        "reason": record.reason,
        "log_tail": record.log_tail,
        "log": record.log,
    }


def _engines(client: Client) -> list[Json]:
    return [
        {"deployment": deployment["name"], **replica}
        for deployment in client.pages("/api/v1/deployments", limit=200)
        for replica in client.pages(deployment_path(deployment["name"], "replicas"))
    ]


def _gpu_problems(client: Client) -> list[Json]:
    """Return what is wrong with single GPUs of the server's machine."""
    problems = client.get("/api/v1/hardware")["problems"]
    return [problem for problem in problems if problem["gpu_index"] is not None]


def _engine_row(engine: Json, *, here: bool) -> list[str]:
    pid = engine.get("engine_pid")
    memory: int | None = None
    if here and pid:
        with suppress(psutil.Error):
            process = psutil.Process(int(pid))
            below = process.children(recursive=True)
            memory = sum(map(held_bytes, (process, *below)))
    endpoint = str(engine.get("endpoint") or "–").removeprefix("http://")
    place = str((as_object(engine.get("node")) or {}).get("hostname") or "–")
    columns = [str(engine["deployment"]), place, str(pid or "–"), endpoint]
    return [*map(escape, columns), state(engine["phase"]), size(memory)]


def _print_services(services: list[Json]) -> None:
    columns = ("PROCESS", "STATE", "PID", "PORT", "MEMORY", "SINCE", "RESTARTS")
    print_table(
        columns,
        [
            [
                service["name"],
                state(service["state"]),
                str(service["pid"] or "–"),
                str(service["port"] or "–"),
                size(service["resident_bytes"]),
                age(service["since"]),
                str(service["restarts"]),
            ]
            for service in services
        ],
    )
    for service in services:
        if service["reason"] and service["state"] != "running":
            out.print(f"\n{service['name']}: {escape(service['reason'])} ({service['log']})")
            for line in service["log_tail"]:
                out.print(f"  │ {escape(line)}", style="dim")


def _print_system(system: Json) -> None:
    ray, engine = as_object(system.get("ray")) or {}, as_object(system.get("engine")) or {}
    said = f" ({ray['message']})" if ray.get("message") else ""
    for warmer in system.get("warmers") or ():
        _print_warmer(as_object(warmer) or {})
    out.print(f"\nServer version {system['version']}; Ray is {ray.get('state')}{escape(said)}")
    if engine.get("version"):
        out.print(f"Engine {engine['name']} {engine['version']}")


def _print_warmer(warmer: Json) -> None:
    """Show what a node keeps ready for warm starts, or why it keeps nothing."""
    node = as_object(warmer.get("node")) or {}
    place = escape(str(node.get("hostname") or node.get("id")))
    rows = [
        [
            place,
            str(s["pid"]),
            state(s["state"]),
            size(s["resident_bytes"]),
            str(s["engines_forked"]),
        ]
        for s in warmer.get("spares") or ()
    ]
    out.print()
    if rows:
        print_table(("SPARES OF", "PID", "STATE", "MEMORY", "ENGINES FORKED"), rows)
    if warmer.get("reason"):
        out.print(f"No warm starts on {place}: {escape(str(warmer['reason']))}")


def status(url: UrlOption = None, token: TokenOption = None, as_json: JsonOption = False) -> None:
    """Show what runs: control plane, gateway, Ray, engines; with pids, ports and memory."""
    services = _local(Settings()) if url is None else []
    system: Json | None = None
    engines: list[Json] = []
    ailing: list[Json] = []
    failure: Problem | None = None
    try:
        with connect(url, token) as client:
            system, engines = client.get("/api/v1/system"), _engines(client)
            ailing = _gpu_problems(client)
    except Problem as problem:
        failure = problem
    if as_json:
        shown = {"services": services, "system": system, "engines": engines}
        print_json({**shown, "gpu_problems": ailing})
    else:
        if services:
            _print_services(services)
        if engines:
            out.print()
            columns = ("ENGINE OF", "NODE", "PID", "ENDPOINT", "PHASE", "MEMORY")
            print_table(columns, [_engine_row(engine, here=url is None) for engine in engines])
        if system:
            _print_system(system)
        for problem in ailing:
            print_probe_problem(problem)
    if failure is not None:
        if not services:
            err.print("Nothing runs here that `vllm-manager up` started.")
        print_problem(failure.details)
        raise SystemExit(1)
