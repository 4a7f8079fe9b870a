"""Whether engines that print 10,000 lines a second slow the API, and whether every line is kept.

Run: `.venv/bin/python bench/logs.py`. It uses ports and a home of its own, and no Ray: ten replicas
print into the real ring and report through the real reporter, over HTTP, to a real control plane.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from control_plane import Client, Product, percentile

RESULTS = Path(__file__).parent / "results"
REPLICAS = 10
LINES_PER_SECOND = 1000
FLOOD_LINES_PER_SECOND = 10_000
SECONDS = 20.0
FLOOD_SECONDS = 5.0
BETWEEN_CALLS_SECONDS = 0.005
BARS = {"healthz_p99_seconds": 0.020, "lines_lost": 0, "flood_lines_uncounted": 0}


class Pulse:
    """Asks `/healthz` all the time, on a connection of its own, and notes how long it takes."""

    def __init__(self, port: int, key: str) -> None:
        self._client = Client(port, key)
        self._is_over = threading.Event()
        self.taken: list[float] = []

    @contextmanager
    def beating(self) -> Generator[None]:
        self.taken.clear()
        self._is_over.clear()
        with ThreadPoolExecutor(1) as pool:
            beat = pool.submit(self._beat)
            try:
                yield
            finally:
                self._is_over.set()
            beat.result()  # figures of a beat that broke would be too good

    def _beat(self) -> None:
        while not self._is_over.wait(BETWEEN_CALLS_SECONDS):
            self.taken += self._client.seconds("/healthz", 1)


def print_lines(
    product: Product, uid: str, name: str, replicas: int, lines_per_second: int, seconds: float
) -> int:
    """Let replicas print; return how many lines they printed, all of them reported."""
    told = {
        "url": f"http://127.0.0.1:{product.control_port}",
        "uid": uid,
        "deployment": name,
        "replicas": replicas,
        "lines_per_second": lines_per_second,
        "seconds": seconds,
    }
    token = str(product.home / "secrets" / "report_token")
    done = subprocess.run(
        [sys.executable, str(Path(__file__).parent / "logs_tools" / "replicas.py")],
        input=json.dumps(told) + "\n",
        env={**os.environ, "VLLM_MANAGER_REPORT_TOKEN_PATH": token},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=seconds + 60,
    )
    return json.loads(done.stdout)["printed"]


def deploy(client: Client, name: str) -> str:
    """Write a deployment down, without starting it; return its uid."""
    spec = {"name": name, "model": "demo", "engine": "fake", "start": False}
    return json.loads(client.call("POST", "/api/v1/deployments", spec))["deployment"]["uid"]


def kept(client: Client, name: str) -> tuple[int, int]:
    """Return the lines that can be read back, and those said to be missing."""
    raw = client.call("GET", f"/api/v1/deployments/{name}/logs/download?format=jsonl")
    lines: list[Any] = [json.loads(line) for line in raw.splitlines()]
    gaps = sum(line.get("dropped", 0) for line in lines)
    return sum("dropped" not in line for line in lines), gaps


def measure(product: Product, server: psutil.Process) -> dict[str, Any]:
    """Print below the limit, with the API asked meanwhile; then flood far beyond it."""
    client = Client(product.control_port, product.key)
    calm, flooded = deploy(client, "calm"), deploy(client, "flooded")
    pulse = Pulse(product.control_port, product.key)
    with pulse.beating():
        time.sleep(5)
    idle = list(pulse.taken)
    cpu, began = sum(server.cpu_times()[:2]), time.monotonic()
    with pulse.beating():
        printed = print_lines(product, calm, "calm", REPLICAS, LINES_PER_SECOND, SECONDS)
    busy, wall = list(pulse.taken), time.monotonic() - began
    cpu = sum(server.cpu_times()[:2]) - cpu
    lines, gaps = kept(client, "calm")
    flood = print_lines(product, flooded, "flooded", 1, FLOOD_LINES_PER_SECOND, FLOOD_SECONDS)
    flood_lines, flood_gaps = kept(client, "flooded")
    return {
        "lines_per_second": printed / SECONDS,
        "lines_printed": printed,
        "lines_lost": printed - lines + gaps,
        "healthz_p50_seconds": percentile(busy, 0.5),
        "healthz_p99_seconds": percentile(busy, 0.99),
        "healthz_idle_p99_seconds": percentile(idle, 0.99),
        "control_plane_cores": cpu / wall,
        "control_plane_resident_bytes": server.memory_info().rss,
        "flood_lines_printed": flood,
        "flood_lines_kept": flood_lines,
        "flood_lines_dropped": flood_gaps,
        "flood_lines_uncounted": flood - flood_lines - flood_gaps,
    }


def main() -> int:
    with tempfile.TemporaryDirectory() as home:
        product = Product(Path(home))
        with product.running("server", product.control_port, "/healthz") as (server, _):
            figures = measure(product, server)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "logs.json").write_text(json.dumps(figures, indent=2) + "\n")
    for name, value in figures.items():
        print(f"{name:<32} {value:,.4f}" if isinstance(value, float) else f"{name:<32} {value:,}")
    missed = [name for name, bar in BARS.items() if figures[name] > bar]
    for name in missed:
        print(f"missed: {name} is {figures[name]}, at most {BARS[name]}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
