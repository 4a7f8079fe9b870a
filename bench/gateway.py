"""Measures the gateway on one core against an upstream that is no bottleneck, side by side.

Upstream and load generator are small C programs, compiled here
and kept on another core where there are two. Prints a table, writes bench/results/gateway.json,
and ends with status 1 where a bar is missed. Other work on the machine takes the core away from
the gateway, so the bar is put on requests per second of the core's time that it got.
"""

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil

HERE = Path(__file__).parent / "gateway_tools"
ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from gateway_tools.aborts import measure_abort_seconds
from support.control_plane import KEY, ControlPlane, model, snapshot
from support.gateway import Gateway, free_port

BARS = {
    "requests_per_core_second": 4000.0,
    "added_p50_seconds": 0.0005,
    "abort_seconds": 0.1,
    "worker_resident_bytes": 80e6,
}
GATEWAY_CORE, OTHER_CORE = 0, 1


def compile_tools(folder: Path) -> tuple[Path, Path]:
    """Build the upstream and the load generator."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        sys.exit("bench: no C compiler was found. Install one (cc or gcc).")
    for name in ("upstream", "load"):
        command = [compiler, "-O2", "-o", str(folder / name), str(HERE / f"{name}.c")]
        subprocess.run(command, check=True)
    return folder / "upstream", folder / "load"


def pin(pid: int, core: int) -> None:
    """Keep a process on one core, so that `one core` is meant literally."""
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > core:
        os.sched_setaffinity(pid, {core})


def request_bytes(port: int) -> bytes:
    """Return a chat request of a usual size, as the openai client writes it."""
    messages = [
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": "What does vLLM Manager do? " * 8},
    ]
    body = json.dumps({"model": "demo", "messages": messages, "max_tokens": 64}).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Authorization: Bearer {KEY}\r\nContent-Type: application/json\r\n"
        f"Accept: application/json\r\nUser-Agent: bench\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def load(program: Path, port: int, connections: int, seconds: float) -> dict[str, Any]:
    """Load `port` and return what the generator measured."""
    process = await asyncio.create_subprocess_exec(
        program,
        str(port),
        str(connections),
        str(seconds),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    pin(process.pid, OTHER_CORE)
    output, _ = await process.communicate(request_bytes(port))
    return json.loads(output)


@asynccontextmanager
async def upstream(program: Path) -> AsyncGenerator[int]:
    """Run the upstream and give its port."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(program, str(port), stdout=subprocess.PIPE)
    assert process.stdout is not None
    await process.stdout.readline()
    pin(process.pid, OTHER_CORE)
    try:
        yield port
    finally:
        process.kill()
        await process.wait()


async def measure(folder: Path, seconds: float) -> dict[str, Any]:
    """Run everything once: directly, through the gateway, and the aborts."""
    upstream_program, load_program = compile_tools(folder)
    async with (
        upstream(upstream_program) as port,
        ControlPlane() as control,
        Gateway(folder, control.port) as gateway,
    ):
        endpoint = {"replica_id": "c", "url": f"http://127.0.0.1:{port}", "secret": "s"}
        entry = model(endpoint, max_concurrent_requests=1000)
        await gateway.publish(control, snapshot({"demo": entry}))
        worker = psutil.Process(gateway.worker_pids[0])
        pin(worker.pid, GATEWAY_CORE)
        await load(load_program, gateway.config.port, 16, min(seconds, 1))
        measured = await compare(load_program, port, gateway, worker, seconds)
        measured["abort_seconds"] = await measure_abort_seconds(control, gateway)
        measured["worker_resident_bytes"] = worker.memory_info().rss
        measured["parent_resident_bytes"] = psutil.Process(gateway.pid).memory_info().rss
        measured["usage_records"] = await drained_records(control)
        return measured


async def compare(
    program: Path, port: int, gateway: Gateway, worker: psutil.Process, seconds: float
) -> dict[str, Any]:
    """Return throughput and latency, directly and through the gateway, in turns."""
    public = gateway.config.port
    alone = [await load(program, p, 1, seconds) for p in (port, public)]
    direct = await load(program, port, 32, seconds)
    cpu_before = worker.cpu_times()
    through = await load(program, public, 32, seconds)
    cpu_after = worker.cpu_times()
    used = cpu_after.user + cpu_after.system - cpu_before.user - cpu_before.system
    return {
        "direct": {"one_connection": alone[0], "32_connections": direct},
        "gateway": {"one_connection": alone[1], "32_connections": through},
        "requests_per_second": through["per_second"],
        "added_p50_seconds": alone[1]["p50_seconds"] - alone[0]["p50_seconds"],
        "cpu_seconds_per_request": used / max(1, through["requests"]),
        "requests_per_core_second": through["requests"] / max(used, 1e-9),
        "core_share": used / through["seconds"],
        "errors": alone[1]["errors"] + through["errors"],
    }


async def drained_records(control: ControlPlane) -> int:
    """Return how many usage records arrived, once no more come."""
    seen = -1
    while seen != len(control.records):
        seen = len(control.records)
        await asyncio.sleep(2.5)
    return seen


def table(measured: dict[str, Any]) -> str:
    """Return what was measured, for a person."""
    direct, through = measured["direct"], measured["gateway"]
    rows = [f"{'':24}{'directly':>12}{'gateway':>12}"]
    for name in ("one_connection", "32_connections"):
        a, b = direct[name], through[name]
        rows.append(f"{name + ', req/s':24}{a['per_second']:>12,.0f}{b['per_second']:>12,.0f}")
        for quantile in ("p50", "p99"):
            pair = [f"{x[quantile + '_seconds'] * 1e3:>12.3f}" for x in (a, b)]
            rows.append(f"{name + f', {quantile} ms':24}{''.join(pair)}")
    figures = [
        ("requests/s, core to itself", f"{measured['requests_per_core_second']:,.0f}", "≥ 4,000"),
        ("requests/s, as measured", f"{measured['requests_per_second']:,.0f}", ""),
        ("share of the core it got", f"{measured['core_share']:.0%}", ""),
        ("added median, ms", f"{measured['added_p50_seconds'] * 1e3:.3f}", "≤ 0.5"),
        ("client leaves → aborted, ms", f"{measured['abort_seconds'] * 1e3:.1f}", "≤ 100"),
        ("worker resident, MB", f"{measured['worker_resident_bytes'] / 1e6:.1f}", "≤ 80"),
        ("parent resident, MB", f"{measured['parent_resident_bytes'] / 1e6:.1f}", ""),
        ("CPU per request, µs", f"{measured['cpu_seconds_per_request'] * 1e6:.1f}", ""),
        ("errors", f"{measured['errors']}", "0"),
        ("usage records acknowledged", f"{measured['usage_records']:,}", ""),
    ]
    rows += ["", f"{'':28}{'measured':>12}{'bar':>12}"]
    rows += [f"{name:28}{value:>12}{bar:>12}" for name, value, bar in figures]
    return "\n".join(rows)


def missed(measured: dict[str, Any]) -> list[str]:
    """Return the bars that were not reached."""
    found = [
        name
        for name, bar in BARS.items()
        if (measured[name] < bar if name.startswith("requests") else measured[name] > bar)
    ]
    return found + (["errors"] if measured["errors"] else [])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5, help="length of each load")
    seconds: float = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as folder:
        measured = asyncio.run(measure(Path(folder), seconds))
    results = ROOT / "bench" / "results"
    results.mkdir(parents=True, exist_ok=True)
    (results / "gateway.json").write_text(json.dumps(measured, indent=2) + "\n")
    print(table(measured))
    failed = missed(measured)
    if failed:
        print(f"\nbars missed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
