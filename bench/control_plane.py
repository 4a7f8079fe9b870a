"""How fast and how light the control plane and the gateway are, with 200 deployments.

Run: `.venv/bin/python bench/control_plane.py`. It uses ports and a home of its own, and no Ray.
"""

import http.client
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

RESULTS = Path(__file__).parent / "results"
DEPLOYMENTS = 200
STARTS = 5
REQUESTS = 500
BARS = {
    "start_seconds": 1.5,
    "control_plane_resident_bytes": 150e6,
    "gateway_resident_bytes": 80e6,
    "models_p99_seconds": 0.002,
    "page_of_100_p99_seconds": 0.015,
}


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Product:
    """A control plane and a gateway with a home of their own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.control_port, self.port = free_port(), free_port()
        self._environment = {
            **os.environ,
            "VLLM_MANAGER_HOME": str(home),
            "VLLM_MANAGER_PORT": str(self.port),
            "VLLM_MANAGER_CONTROL_PORT": str(self.control_port),
            "VLLM_MANAGER_RAY_ADDRESS": f"http://127.0.0.1:{free_port()}",
            "VLLM_MANAGER_FAKE_ENGINE": "1",
            "VLLM_MANAGER_DEMO": "0",
        }

    @contextmanager
    def running(self, verb: str, port: int, path: str) -> Generator[tuple[psutil.Process, float]]:
        """Run `vllm-manager VERB`; yield its process and the seconds until `path` answered."""
        command = [str(Path(sys.executable).parent / "vllm-manager"), verb]
        began = time.monotonic()
        child = subprocess.Popen(
            command, env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            _until_it_answers(port, path, began + 30)
            yield psutil.Process(child.pid), time.monotonic() - began
        finally:
            child.send_signal(signal.SIGTERM)
            child.wait(30)

    @property
    def key(self) -> str:
        return json.loads((self.home / "secrets" / "admin.json").read_text())["api_key"]


def _until_it_answers(port: int, path: str, deadline: float) -> None:
    while time.monotonic() < deadline:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.01)
    raise TimeoutError(f"nothing answered on port {port}")


class Client:
    """One kept-alive connection, as a browser or an SDK has."""

    def __init__(self, port: int, key: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def call(self, method: str, path: str, body: Any = None) -> bytes:
        data = json.dumps(body) if body is not None else None
        self._connection.request(method, path, data, self._headers)
        response = self._connection.getresponse()
        answer = response.read()
        if response.status >= 400:
            raise RuntimeError(f"{method} {path}: {response.status} {answer[:300]!r}")
        return answer

    def seconds(self, path: str, count: int) -> list[float]:
        """Return the seconds of `count` calls, one after another."""
        taken: list[float] = []
        for _ in range(count):
            began = time.perf_counter()
            self.call("GET", path)
            taken.append(time.perf_counter() - began)
        return taken


def percentile(values: list[float], share: float) -> float:
    """Return the value below which `share` of them lie."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def tree_resident_bytes(process: psutil.Process) -> list[int]:
    """Return the memory of a process and of each of its children."""
    return [p.memory_info().rss for p in (process, *process.children(recursive=True))]


def measure_starts(home: Path) -> list[float]:
    """Return the seconds of several starts on a database that exists."""
    seconds: list[float] = []
    for _ in range(STARTS + 1):
        product = Product(home)
        with product.running("server", product.control_port, "/healthz") as (_, taken):
            seconds.append(taken)
    return seconds[1:]


def measure(home: Path) -> dict[str, float]:
    """Return every figure."""
    starts = measure_starts(home)
    product = Product(home)
    with (
        product.running("server", product.control_port, "/healthz") as (control_plane, _),
        product.running("gateway", product.port, "/gateway/healthz") as (gateway, _),
    ):
        control, public = (Client(p, product.key) for p in (product.control_port, product.port))
        for number in range(DEPLOYMENTS):
            spec = {
                "name": f"model-{number:03d}",
                "model": "demo",
                "engine": "fake",
                "start": False,
            }
            control.call("POST", "/api/v1/deployments", spec)
        _wait_for_models(public)
        pages = control.seconds("/api/v1/deployments?limit=100", REQUESTS)
        models = public.seconds("/v1/models", REQUESTS)
        return {
            "start_seconds": statistics.median(starts),
            "control_plane_resident_bytes": max(tree_resident_bytes(control_plane)),
            "gateway_resident_bytes": max(tree_resident_bytes(gateway)),
            "models_p50_seconds": statistics.median(models),
            "models_p99_seconds": percentile(models, 0.99),
            "page_of_100_p50_seconds": statistics.median(pages),
            "page_of_100_p99_seconds": percentile(pages, 0.99),
        }


def _wait_for_models(client: Client) -> None:
    """Wait until the gateway answers at all with this key: its snapshot has come."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            client.call("GET", "/v1/models")
        except RuntimeError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("the gateway never got its snapshot")


def show_against(bars: Mapping[str, float], figures: Mapping[str, float]) -> bool:
    """Print the table; return whether every bar is met."""
    met = True
    for name, value in figures.items():
        bar = bars.get(name)
        unit = 1e6 if name.endswith("_bytes") else 1.0
        text = f"{value / unit:10.4f}" if unit == 1.0 else f"{value / unit:8.1f} MB"
        verdict = "" if bar is None else ("  met" if value <= bar else "  NOT MET")
        limit = "" if bar is None else f"  (at most {bar / unit:g})"
        print(f"{name:34} {text}{limit}{verdict}")
        met &= bar is None or value <= bar
    return met


def main() -> int:
    """Measure, print, and keep the figures in bench/results."""
    with tempfile.TemporaryDirectory(prefix="vm-bench-") as folder:
        figures = measure(Path(folder) / "home")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "control_plane.json").write_text(json.dumps(figures, indent=2) + "\n")
    return 0 if show_against(BARS, figures) else 1


if __name__ == "__main__":
    raise SystemExit(main())
