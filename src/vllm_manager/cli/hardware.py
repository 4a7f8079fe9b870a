"""`hardware`: what this machine has, what of it is free, and who holds its GPUs."""

from collections.abc import Iterator

from rich.markup import escape

from vllm_manager.cli.client import Json, JsonOption, TokenOption, UrlOption, connect
from vllm_manager.cli.output import err, out, print_json, print_table, size

_OWNERS = {True: "ours", False: "[yellow]foreign[/yellow]", None: "?"}


def hardware(url: UrlOption = None, token: TokenOption = None, as_json: JsonOption = False) -> None:
    """Show the server's processors, memory, GPUs with their processes, and disks."""
    with connect(url, token) as client:
        found = client.get("/api/v1/hardware")
    if as_json:
        print_json(found)
        return
    _print_host(found["host"])
    _print_gpus(found)
    columns = ("DISK", "FREE", "OF", "KIND", "FOLDER")
    print_table(columns, (_disk(disk) for disk in found["disks"]))
    for problem in found["problems"]:
        print_probe_problem(problem)


def print_probe_problem(problem: Json) -> None:
    """Show what is wrong with the hardware, and whom it concerns."""
    users = ", ".join(problem["used_by"])
    said = f"{problem['detail']} Deployments on it: {users}." if users else problem["detail"]
    err.print(f"[yellow]![/yellow] {escape(said)}")


def _print_host(host: Json) -> None:
    cpu, memory = host["cpu"], host["memory"]
    system = " ".join(filter(None, (host["os_name"], host["os_version"])))
    out.print(f"[bold]{escape(host['hostname'])}[/bold]  {escape(system)}")
    out.print(f"  CPU     {escape(cpu['name'] or cpu['architecture'])}: {_cores(cpu)}")
    if cpu["instruction_sets"]:
        out.print(f"          {escape(' '.join(cpu['instruction_sets']))}", style="dim")
    kind = " unified" if memory["is_unified"] else ""
    limit = " (the container's limit)" if memory["limit_bytes"] is not None else ""
    free, total = size(memory["available_bytes"]), size(memory["total_bytes"])
    out.print(f"  Memory  {free} of {total}{kind} available{limit}")


def _cores(cpu: Json) -> str:
    parts = [
        f"{cpu[name]} {word}"
        for name, word in (
            ("sockets", "sockets"),
            ("cores", "cores"),
            ("threads", "threads"),
            ("performance_cores", "of them fast"),
            ("efficiency_cores", "efficient"),
        )
        if cpu[name] is not None
    ]
    if cpu["numa_nodes"] and len(cpu["numa_nodes"]) > 1:
        parts.append(f"{len(cpu['numa_nodes'])} NUMA nodes")
    if cpu["usable_cpus"] is not None and cpu["usable_cpus"] != cpu["threads"]:
        parts.append(f"{cpu['usable_cpus']:g} of them usable here")
    return ", ".join(parts) or "unknown"


def _print_gpus(found: Json) -> None:
    if not found["gpus"]:
        out.print("  GPUs    none")
        return
    driver = found["driver"]
    if driver:
        cuda = f", CUDA up to {driver['cuda_version']}" if driver["cuda_version"] else ""
        out.print(f"  Driver  {escape(driver['version'] or '?')}{escape(cuda)}")
    columns = ("GPU", "NAME", "STATE", "FREE", "OF", "BUSY", "°C", "W", "GIVEN TO")
    print_table(columns, (_gpu(gpu) for gpu in found["gpus"]))
    processes = [row for gpu in found["gpus"] for row in _processes(gpu)]
    if processes:
        print_table(("GPU", "PID", "PROCESS", "MEMORY", "WHOSE"), processes)


def _gpu(gpu: Json) -> list[str]:
    colour = {"ok": "green"}.get(gpu["state"], "red")
    return [
        str(gpu["index"]),
        escape(gpu["name"] or "–"),
        f"[{colour}]{gpu['state']}[/{colour}]",
        size(gpu["memory_free_bytes"]),
        size(gpu["memory_total_bytes"]),
        _figure(gpu["utilization_percent"], " %"),
        _figure(gpu["temperature_celsius"], ""),
        _figure(gpu["power_watts"], ""),
        escape(", ".join(gpu["used_by"]) or "–"),
    ]


def _processes(gpu: Json) -> Iterator[list[str]]:
    for process in gpu["processes"] or ():
        yield [
            str(gpu["index"]),
            str(process["pid"]),
            escape(process["name"] or "–"),
            size(process["memory_used_bytes"]),
            _OWNERS[process["ours"]],
        ]


def _disk(disk: Json) -> list[str]:
    free, total = size(disk["free_bytes"]), size(disk["total_bytes"])
    kind = disk["filesystem"] or "–"
    return [disk["purpose"], free, total, escape(kind), escape(disk["path"])]


def _figure(value: float | None, unit: str) -> str:
    return "–" if value is None else f"{value:.0f}{unit}"
