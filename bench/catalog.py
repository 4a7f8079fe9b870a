"""What the catalog adds to the model hub's own time, and how quickly it answers from its cache.

Run: `.venv/bin/python bench/catalog.py`. It uses a hub on loopback, ports and a home of its own.
"""

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import httpx

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from control_plane import free_port
from support.hub import hub_process

REQUESTS = 200
BARS = {"search_added_seconds": 0.050, "popular_seconds": 0.005}
SEARCH = {"search": "acme", "sort": "downloads", "limit": "30"}


@contextmanager
def control_plane(home: Path, hub: str) -> Generator[str]:
    """Run the control plane against `hub`; yield its address."""
    port = free_port()
    environment = {
        **os.environ,
        "VLLM_MANAGER_HOME": str(home),
        "VLLM_MANAGER_CONTROL_PORT": str(port),
        "VLLM_MANAGER_RAY_ADDRESS": f"http://127.0.0.1:{free_port()}",
        "VLLM_MANAGER_HUB_ENDPOINT": hub,
        "VLLM_MANAGER_DEMO": "0",
    }
    command = [str(Path(sys.executable).parent / "vllm-manager"), "server"]
    child = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _until_it_answers(f"http://127.0.0.1:{port}/healthz", time.monotonic() + 60)
        yield f"http://127.0.0.1:{port}"
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait(30)


def _until_it_answers(url: str, deadline: float) -> None:
    while time.monotonic() < deadline:
        try:
            if httpx.get(url, trust_env=False).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise TimeoutError(url)


def timed(ask: Callable[[], httpx.Response]) -> float:
    """Return the seconds of one good answer."""
    began = time.perf_counter()
    answer = ask()
    taken = time.perf_counter() - began
    answer.raise_for_status()
    return taken


def measure(api: httpx.Client, hub: httpx.Client) -> dict[str, float]:
    """Ask both the same by turns, so that what else the machine does befalls both."""
    direct: list[float] = []
    through: list[float] = []
    popular: list[float] = []
    floor: list[float] = []  # what any answer costs: HTTP, and who is asking
    for number in range(REQUESTS):
        # Never the same twice: nothing comes from a cache.
        query = {
            "q": "acme",
            "sort": "downloads",
            "limit": "30",
            "max_parameters": str(10**12 + number),
        }
        direct.append(timed(lambda: hub.get("/api/models", params={**SEARCH, "full": "true"})))
        through.append(timed(lambda: api.get("/api/v1/catalog/search", params=query)))  # noqa: B023 (called at once)
    for _ in range(REQUESTS):
        floor.append(timed(lambda: api.get("/api/v1/auth/me")))
        popular.append(timed(lambda: api.get("/api/v1/catalog/popular")))
    return {
        "hub_seconds": statistics.median(direct),
        "search_seconds": statistics.median(through),
        "search_p99_seconds": sorted(through)[int(REQUESTS * 0.99) - 1],
        "search_added_seconds": statistics.median(through) - statistics.median(direct),
        "popular_seconds": statistics.median(popular),
        "floor_seconds": statistics.median(floor),
        "popular_p99_seconds": sorted(popular)[int(REQUESTS * 0.99) - 1],
    }


def main() -> int:
    """Print the figures with their bars; exit with 1 where one is missed."""
    with (
        tempfile.TemporaryDirectory() as home,
        hub_process("--many-files", "100") as hub,
        control_plane(Path(home), hub.url) as address,
    ):
        admin = json.loads((Path(home) / "secrets" / "admin.json").read_text())
        headers = {"authorization": f"Bearer {admin['api_key']}"}
        with (
            httpx.Client(base_url=address, headers=headers, trust_env=False) as api,
            httpx.Client(base_url=hub.url, trust_env=False) as direct,
        ):
            api.get("/api/v1/catalog/popular").raise_for_status()
            figures = measure(api, direct)
    missed = [name for name, bar in BARS.items() if figures[name] > bar]
    for name, value in figures.items():
        bar = BARS.get(name)
        verdict = (
            "" if bar is None else f"  goal ≤ {bar * 1e3:g} ms: {'no' if name in missed else 'yes'}"
        )
        print(f"{name:<24}{value * 1e3:8.2f} ms{verdict}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
