"""What ten thousand keys cost, and how soon a change of one is in force at every gateway worker.

Run: `.venv/bin/python bench/access.py`. It uses ports and a home of its own, and no Ray. A change
is in force once every worker has refused the key; each request has a connection of its own. A stall
is processor time of the event loop's thread in one go, whatever else the machine does meanwhile.
"""

import asyncio
import http.client
import json
import os
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results"
sys.path.insert(0, str(ROOT / "tests"))
sys.path.insert(0, str(Path(__file__).parent))

from control_plane import Client, Product, show_against, tree_resident_bytes
from support.many_keys import add_keys
from support.publishing import longest_stall_seconds, publishing
from vllm_manager.db import Database
from vllm_manager.kit.clock import SystemClock

KEYS = 10_000
CHANGES = 10
BUILDS = 10
WORKERS = 2
# With two workers, so many requests in a row that all are refused leave no doubt.
IN_A_ROW = 24
BARS = {
    "snapshot_bytes": 30e6,
    "revoke_worst_seconds": 1.0,
    "longest_stall_seconds": 0.020,
}


async def measure_build(database: Database) -> dict[str, float]:
    """Return what building the snapshot weighs, takes, and holds the loop up for."""
    source = publishing(database, SystemClock())
    line = await source.line()
    took: list[float] = []
    stalls: list[float] = []
    for _ in range(BUILDS):
        began = time.perf_counter()
        stalls.append(await longest_stall_seconds(source.publisher.refresh()))
        took.append(time.perf_counter() - began)
    return {
        "snapshot_bytes": len(line),
        "build_median_seconds": statistics.median(took),
        "longest_stall_seconds": max(stalls),
    }


def status(port: int, secret: str) -> int:
    """Return how the gateway answers a key, over a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", "/v1/models", headers={"Authorization": f"Bearer {secret}"})
        return connection.getresponse().status
    finally:
        connection.close()


def seconds_until(port: int, secret: str, wanted: int, began: float) -> float:
    """Return how long after `began` the first of many answers in a row was as wanted."""
    since, in_a_row = 0.0, 0
    while in_a_row < IN_A_ROW:
        asked_at = time.monotonic()
        if asked_at - began > 60:
            raise TimeoutError(f"the gateway did not answer {wanted}")
        if status(port, secret) != wanted:
            in_a_row = 0
            continue
        if in_a_row == 0:
            since = asked_at
        in_a_row += 1
    return max(0.0, since - began)


def measure_changes(product: Product) -> dict[str, float]:
    """Return how soon a new key works, and a revoked one doesn't, at every worker."""
    control = Client(product.control_port, product.key)
    made_in: list[float] = []
    revoked_in: list[float] = []
    for number in range(CHANGES):
        answer = json.loads(control.call("POST", "/api/v1/keys", {"name": f"bench-{number}"}))
        made_in.append(seconds_until(product.port, answer["secret"], 200, time.monotonic()))
        control.call("POST", f"/api/v1/keys/{answer['key']['id']}/revoke")
        revoked_in.append(seconds_until(product.port, answer["secret"], 401, time.monotonic()))
    return {
        "create_median_seconds": statistics.median(made_in),
        "create_worst_seconds": max(made_in),
        "revoke_median_seconds": statistics.median(revoked_in),
        "revoke_worst_seconds": max(revoked_in),
    }


def measure(home: Path) -> dict[str, float]:
    """Return every figure."""
    os.environ["VLLM_MANAGER_GATEWAY_WORKERS"] = str(WORKERS)
    product = Product(home)
    with product.running("server", product.control_port, "/healthz"):
        pass  # it makes the database
    figures = asyncio.run(_fill_and_build(home))
    with (
        product.running("server", product.control_port, "/healthz") as (control, _),
        product.running("gateway", product.port, "/gateway/healthz") as (gateway, _),
    ):
        seconds_until(product.port, product.key, 200, time.monotonic())
        figures |= measure_changes(product)
        figures["control_plane_resident_bytes"] = max(tree_resident_bytes(control))
        figures["gateway_resident_bytes"] = max(tree_resident_bytes(gateway))
    return figures


async def _fill_and_build(home: Path) -> dict[str, float]:
    database = Database(f"sqlite+aiosqlite:///{home / 'vllm-manager.db'}")
    try:
        await add_keys(database, KEYS, datetime.now(UTC))
        return await measure_build(database)
    finally:
        await database.close()


def main() -> int:
    """Measure, print, and keep the figures in bench/results."""
    with tempfile.TemporaryDirectory(prefix="vm-bench-") as folder:
        figures = measure(Path(folder) / "home")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "access.json").write_text(json.dumps(figures, indent=2) + "\n")
    return 0 if show_against(BARS, figures) else 1


if __name__ == "__main__":
    raise SystemExit(main())
