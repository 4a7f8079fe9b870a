"""How fast downloads are, what a kill costs, and how little the control plane notices.

Run: `.venv/bin/python bench/downloads.py [--large-gb 20]`. The hub is on loopback, in a process of
its own; `hf download` fetches the same files from it in the same run. What is fetched is deleted.
"""

import argparse
import http.client
import json
import os
import shutil
import statistics
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

TESTS = Path(__file__).parent.parent / "tests"
sys.path.insert(0, str(TESTS))

from support.downloading import DownloadingPlane, downloading_plane
from support.hub import HubProcess, hub_process

RESULTS = Path(__file__).parent / "results"
MIB = 1 << 20
FILES, FILE_BYTES = 8, 256 * MIB
ROUNDS = 2
GOALS = {
    "throughput_ratio": (">=", 0.9),
    "refetched_share": ("<=", 0.05),
    "memory_above_idle_bytes": ("<=", 60e6),
    "healthz_p99_seconds": ("<=", 0.020),
    "listing_healthz_p99_seconds": ("<=", 0.020),
}


def percentile(values: list[float], share: float) -> float:
    """Return the value below which `share` of them lie."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def prepare(hub: HubProcess, repo: str) -> None:
    """Have the hub work out its checksums, which a real one knows already."""
    connection = http.client.HTTPConnection(hub.url.removeprefix("http://"), timeout=600)
    connection.request("GET", f"/api/models/{repo}/tree/main?recursive=true")
    assert connection.getresponse().status == 200


def fetch(plane: DownloadingPlane, repo: str) -> dict[str, Any]:
    """Fetch a model and return its download."""
    return plane.wait_for_download(plane.pull(repo), "succeeded", 1800)


def ours_seconds(hub: HubProcess, folder: Path) -> float:
    """Return how long the product takes, from the request to the model's being there."""
    try:
        with downloading_plane(folder, hub.url) as plane:
            began = time.monotonic()
            fetch(plane, "bench/eight")
            return time.monotonic() - began
    finally:
        shutil.rmtree(folder)


def hf_seconds(hub: HubProcess, folder: Path) -> float:
    """Return how long `hf download` takes, without the time that it takes to start."""
    hf = str(Path(sys.executable).parent / "hf")
    environment = {**os.environ, "HF_ENDPOINT": hub.url, "HF_HOME": str(folder)}
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    began = time.monotonic()
    subprocess.run(
        [hf, "download", "bench/eight", "config.json"], env=environment, check=True, **quiet
    )
    starting = time.monotonic() - began
    began = time.monotonic()
    subprocess.run([hf, "download", "bench/eight"], env=environment, check=True, **quiet)
    taken = time.monotonic() - began
    shutil.rmtree(folder)
    return taken - starting


def measure_throughput(folder: Path) -> dict[str, float]:
    with hub_process("--large", f"bench/eight={FILES}*{FILE_BYTES}") as hub:
        prepare(hub, "bench/eight")
        ours: list[float] = []
        theirs: list[float] = []
        for number in range(ROUNDS):
            ours.append(ours_seconds(hub, folder / f"ours-{number}"))
            theirs.append(hf_seconds(hub, folder / f"hf-{number}"))
    total = FILES * FILE_BYTES
    return {
        "ours_bytes_per_second": total / statistics.mean(ours),
        "hf_bytes_per_second": total / statistics.mean(theirs),
        "throughput_ratio": statistics.mean(theirs) / statistics.mean(ours),
    }


def measure_kill(folder: Path) -> dict[str, float]:
    """Kill the control plane at half; count all that the hub sent, before and after.

    What lay in the sockets at that moment counts as fetched again, too.
    """
    with hub_process("--large", f"bench/eight={FILES}*{FILE_BYTES}") as hub:
        prepare(hub, "bench/eight")
        with downloading_plane(folder, hub.url) as plane:
            asked = plane.pull("bench/eight")
            plane.wait_for_download(asked, lambda d: d["bytes_done"] > FILES * FILE_BYTES // 2)
            plane.kill()
            plane.start()
            done = plane.wait_for_download(asked, "succeeded", 300)
        sent = sum(r["sent_bytes"] for r in hub.requests() if "/api/" not in r["path"])
    shutil.rmtree(folder)
    return {"refetched_share": sent / done["bytes_total"] - 1}


class Pulse:
    """Asks `/healthz` every 10 ms, and adds up memory, until it is told to end."""

    def __init__(self, plane: DownloadingPlane) -> None:
        self.seconds: list[float] = []
        self.resident_bytes: list[int] = []
        assert plane.process is not None
        self._process = psutil.Process(plane.process.pid)
        self._address = str(plane.client.base_url).removeprefix("http://")
        self._over = threading.Event()

    def resident(self) -> int:
        """Return the memory of the control plane and of its children."""
        found = [self._process, *self._process.children(recursive=True)]
        return sum(process.memory_info().rss for process in found)

    @contextmanager
    def beating(self) -> Generator[None]:
        with ThreadPoolExecutor(2) as pool:
            beats = [pool.submit(self._ask), pool.submit(self._weigh)]
            try:
                yield
            finally:
                self._over.set()
            for beat in beats:
                beat.result()  # figures of a beat that broke would be too good

    def _ask(self) -> None:
        connection = http.client.HTTPConnection(self._address.rstrip("/"), timeout=30)
        while not self._over.wait(0.01):
            began = time.perf_counter()
            connection.request("GET", "/healthz")
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise RuntimeError(f"/healthz answered {answer.status}")
            self.seconds.append(time.perf_counter() - began)

    def _weigh(self) -> None:
        while not self._over.wait(0.25):
            self.resident_bytes.append(self.resident())


def measure_large(folder: Path, large_bytes: int) -> dict[str, float]:
    with hub_process("--large", f"bench/one={1}*{large_bytes}") as hub:
        prepare(hub, "bench/one")
        with downloading_plane(folder, hub.url) as plane:
            idle_pulse, pulse = Pulse(plane), Pulse(plane)
            with idle_pulse.beating():
                time.sleep(3)
            idle = max(idle_pulse.resident_bytes)
            began = time.monotonic()
            with pulse.beating():
                fetch(plane, "bench/one")
            taken = time.monotonic() - began
    shutil.rmtree(folder)
    return {
        "large_file_bytes": large_bytes,
        "large_file_bytes_per_second": large_bytes / taken,
        "idle_resident_bytes": idle,
        "memory_above_idle_bytes": max(pulse.resident_bytes) - idle,
        "idle_healthz_p99_seconds": percentile(idle_pulse.seconds, 0.99),
        "healthz_p50_seconds": statistics.median(pulse.seconds),
        "healthz_p99_seconds": percentile(pulse.seconds, 0.99),
    }


def measure_listing(folder: Path) -> dict[str, float]:
    """Ask for a repository of 10,000 files, and watch the control plane while it is listed."""
    with hub_process("--many-files", "10000") as hub:
        prepare(hub, "acme/many-files")
        with downloading_plane(folder, hub.url) as plane:
            pulse = Pulse(plane)
            with pulse.beating():
                began = time.monotonic()
                asked = plane.pull("acme/many-files")
                listed = plane.wait_for_download(asked, lambda d: d["files_total"] is not None)
                listing = time.monotonic() - began
                plane.wait_for_download(asked, "succeeded", 300)
                whole = time.monotonic() - began
    shutil.rmtree(folder)
    return {
        "listed_files": listed["files_total"],
        "listing_seconds": listing,
        "many_files_seconds": whole,
        "listing_healthz_p99_seconds": percentile(pulse.seconds, 0.99),
        "listing_healthz_max_seconds": max(pulse.seconds),
    }


def show(figures: dict[str, float]) -> bool:
    """Print the table; return whether every goal is met."""
    met = True
    for name, value in figures.items():
        scale, unit = (1e6, " MB") if "bytes" in name else (1.0, "")
        line = f"{name:34} {value / scale:12.4f}{unit}"
        if name in GOALS:
            relation, goal = GOALS[name]
            holds = value >= goal if relation == ">=" else value <= goal
            met &= holds
            line += f"  ({relation} {goal / scale:g}{unit})  {'met' if holds else 'NOT MET'}"
        print(line)
    return met


def main() -> int:
    """Measure, print, and keep the figures in bench/results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large-gb", type=float, default=20, help="size of the one large file")
    large_bytes = int(parser.parse_args().large_gb * 1e9)
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="vm-bench-") as name:
        folder = Path(name)
        figures |= measure_throughput(folder)
        figures |= measure_kill(folder / "kill")
        figures |= measure_listing(folder / "listing")
        figures |= measure_large(folder / "large", large_bytes)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "downloads.json").write_text(json.dumps(figures, indent=2) + "\n")
    return 0 if show(figures) else 1


if __name__ == "__main__":
    raise SystemExit(main())
