"""What keeping figures costs: of 64 GPUs on 8 nodes, and 100 models with one replica each.

    .venv/bin/python bench/monitoring.py

Each tick's work is timed on one core: reading a full machine of 8 GPUs (a scripted NVML; a real
driver takes its own time, without the processor), 100 replicas' reports, 300 processes by their
real /proc, and recording everything. Memory is what this process holds more after an hour, full.
The database is filled with a week of minutes and a year of hours, of noisy values that never rest,
by writing the same 24 hours' blocks again and again.
"""

import asyncio
import gc
import json
import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from math import inf
from pathlib import Path

import psutil

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from fakes.clock import FakeClock
from fakes.nvml import FakeNvml, datacenter
from hardware.machine import hardware_with, nvidia
from monitoring.samples.given import Room, room_in
from vllm_manager.deployments import Report
from vllm_manager.deployments.observed import Identity, SeenHistogram
from vllm_manager.monitoring.samples import (
    FIGURES,
    Board,
    Figure,
    Sample,
    store,
)
from vllm_manager.monitoring.samples.archive import HOURS, MINUTES, TENS, Tier
from vllm_manager.monitoring.samples.blocks import Block
from vllm_manager.monitoring.samples.collectors.engines import EngineFeed
from vllm_manager.monitoring.samples.collectors.machine import MachineCollector
from vllm_manager.monitoring.samples.collectors.processes import Known, ProcessCollector
from vllm_manager.monitoring.samples.columns import HistogramSpan, ScalarSpan, Span
from vllm_manager.monitoring.samples.reading import Distribution

NODES, GPUS, REPLICAS, PROCESSES = 8, 8, 100, 300
BUCKETS = (
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
    20.0, 40.0, 80.0, 160.0, 640.0, 2560.0, inf,
)  # fmt: skip
BARS = {"cpu_share": 0.05, "memory_mb": 100.0, "database_mb": 300.0, "query_ms": 30.0}
DAY, HOUR = 86_400, 3600
Labels = tuple[tuple[str, str], ...]


def labels_of(figure: Figure) -> Iterator[Labels]:
    """Yield the series of a figure in the installation that is measured."""
    nodes = [(("node", f"gpu-{n}"),) for n in range(NODES)]
    replicas = [(("deployment", f"model-{n}"), ("replica", f"r{n:06x}")) for n in range(REPLICAS)]
    if figure.labels == ("node",):
        yield from nodes
    elif figure.labels == ("node", "purpose"):
        yield from ((*node, ("purpose", p)) for node in nodes for p in ("models", "home"))
    elif figure.labels == ("node", "gpu"):
        yield from ((*node, ("gpu", str(g))) for node in nodes for g in range(GPUS))
    elif figure.labels == ("deployment", "replica"):
        yield from replicas
    elif figure.name.startswith("process_"):
        for n, replica in enumerate(replicas):
            for kind in ("engine", "supervisor"):
                yield (*nodes[n % NODES], ("process", kind), *replica)
        for kind in ("control-plane", "gateway-0", "gateway-1", "steward", "ray-raylet"):
            yield (*nodes[0], ("process", kind))
    else:
        rest = {
            "status": ("2xx", "4xx", "5xx", "client_left"),
            "direction": ("in", "out"),
            "key_class": ("user", "service", "session"),
        }
        for n in range(REPLICAS):
            found: list[Labels] = [(("deployment", f"model-{n}"),)]
            for label in figure.labels[1:]:
                found = [(*one, (label, value)) for one in found for value in rest[label]]
            yield from found


class Load:
    """An installation at work: every value moves at every reading."""

    def __init__(self) -> None:
        self.random = random.Random(1)
        self.totals: dict[tuple[str, Labels], float] = {}
        self.counts: dict[tuple[str, Labels], list[int]] = {}
        self.series = {figure: list(labels_of(figure)) for figure in FIGURES}

    def samples(self, figure: Figure) -> Iterator[Sample]:
        for labels in self.series[figure]:
            if figure.kind == "histogram":
                yield Sample(figure.name, labels, self.histogram(figure.name, labels))
            elif figure.kind == "counter":
                key = (figure.name, labels)
                self.totals[key] = self.totals.get(key, 0.0) + self.random.gauss(1e4, 1e3)
                yield Sample(figure.name, labels, self.totals[key])
            else:
                yield Sample(figure.name, labels, self.gauge(figure))

    def gauge(self, figure: Figure) -> float:
        if "total" in figure.name or "limit" in figure.name:
            return 85899345920.0
        middle = {"bytes": 6e10, "ratio": 0.7, "celsius": 60.0, "watts": 600.0}
        value = middle.get(figure.unit, 12.0)
        return abs(self.random.gauss(value, value / 10))

    def histogram(self, name: str, labels: Labels) -> Distribution:
        counts = self.counts.setdefault((name, labels), [0] * len(BUCKETS))
        middle = 4 + len(self.counts) % 10
        for _ in range(20):
            counts[min(max(round(self.random.gauss(middle, 1.5)), 0), len(BUCKETS) - 1)] += 1
        told: list[float] = []
        for count in counts:
            told.append(count + (told[-1] if told else 0.0))
        return Distribution(BUCKETS, tuple(told), 0.1 * told[-1])


def report_of(load: Load, number: int, clock: FakeClock) -> Report:
    labels = (("deployment", f"model-{number}"), ("replica", f"r{number:06x}"))
    engine = [f for f in FIGURES if f.name.startswith("engine_")]
    samples = {f.name.removeprefix("engine_"): load for f in engine}
    names = {f.name: f for f in engine}
    metrics: dict[str, float | None] = {}
    histograms: dict[str, SeenHistogram] = {}
    for name in samples:
        figure = names[f"engine_{name}"]
        if figure.kind == "histogram":
            histograms[name] = SeenHistogram(*load.histogram(figure.name, labels))
        elif figure.kind == "counter":
            key = (figure.name, labels)
            load.totals[key] = load.totals.get(key, 0.0) + 1e4
            metrics[name] = load.totals[key]
        else:
            metrics[name] = load.gauge(figure)
    return Report(
        Identity("u", 1, 1), labels[0][1], labels[1][1], labels[1][1], "ready", 1.0, 0.0,
        clock.monotonic(), clock.now(), metrics=metrics, histograms=histograms,
    )  # fmt: skip


async def tick_cost(room: Room, load: Load, ticks: int) -> dict[str, float]:
    """Return processor seconds of each part of a tick."""
    clock = room.clock
    gpus = hardware_with(*nvidia(FakeNvml([datacenter(n) for n in range(GPUS)])), clock=clock)
    machine = MachineCollector(gpus, node="gpu-0")
    reports: list[Report] = []
    engines = EngineFeed(lambda: reports, clock)
    pids = [pid for pid in psutil.pids() if pid > 1]
    known = [Known(pids[n % len(pids)], "engine", f"model-{n}") for n in range(PROCESSES)]
    processes = ProcessCollector(lambda: known, "gpu-0", clock)
    rest = [f for f in FIGURES if not f.name.startswith(("engine_", "process_"))]
    spent: dict[str, list[float]] = {}

    def took(part: str, began: float) -> None:
        spent.setdefault(part, []).append(time.process_time() - began)

    for _ in range(ticks):
        clock.advance(2)
        reports[:] = [report_of(load, n, clock) for n in range(REPLICAS)]
        others = [s for figure in rest for s in load.samples(figure)]
        more = [s for f in FIGURES if f.name.startswith("process_") for s in load.samples(f)]
        board = Board(clock)
        began = time.process_time()
        board.put("machine", await machine.collect())
        took("machine, 8 GPUs", began)
        began = time.process_time()
        await engines.feed(room.board)
        took("100 engines", began)
        began = time.process_time()
        board.put("processes", await processes.collect())
        took("300 processes", began)
        room.board.put("others", others)
        room.board.put("more", more)
        began = time.process_time()
        room.recorder.record(room.board.fresh(), clock.now().timestamp())
        took("recording", began)
        began = time.process_time()
        room.rollup.close_minutes()
        took("closing minutes", began)
        began = time.process_time()
        await room.rollup.write()
        took("writing minutes and hours", began)
    return {part: sum(values) / ticks for part, values in spent.items()}


def span_of(load: Load, figure: Figure, slots: int, step: int) -> Span:
    if figure.kind == "histogram":
        middle = load.random.randint(4, 14)
        near = range(middle - 3, middle + 4)
        size = 10 * step
        buckets = {
            b: [round(abs(load.random.gauss(size, size / 8))) for _ in range(slots)] for b in near
        }
        return HistogramSpan(
            0, step, [load.random.gauss(100, 9) for _ in range(slots)], BUCKETS, buckets
        )
    means = [load.gauge(figure) for _ in range(slots)]
    if len(set(means)) == 1:
        return ScalarSpan(0, step, means, means)
    return ScalarSpan(0, step, means, [m * (1 + abs(load.random.gauss(0.1, 0.05))) for m in means])


async def fill(room: Room, load: Load, kinds: int) -> dict[str, float]:
    """Write a week and a year of blocks; return the size of each tier in MB."""
    now = int(room.clock.now().timestamp()) // HOUR * HOUR
    sizes: dict[str, float] = {}
    for tier, length in ((MINUTES, 8 * DAY), (TENS, 8 * DAY), (HOURS, 366 * DAY)):
        size = 0
        for figure in FIGURES:
            made = [packed(load, figure, tier) for _ in range(kinds)]
            starts = range(tier.start(now - length), now, tier.seconds)
            async with room.archive._database.unit_of_work() as session:  # pyright: ignore[reportPrivateUsage]
                for n, start in enumerate(starts):
                    await store.put_block(session, tier.step, figure.name, start, made[n % kinds])
            size += sum(len(made[n % kinds]) for n in range(len(starts)))
        sizes[f"{tier.step} s"] = size / 1e6
    return sizes


def packed(load: Load, figure: Figure, tier: Tier) -> bytes:
    block = Block(tier.slots)
    for labels in load.series[figure]:
        block.put(labels, 0, span_of(load, figure, tier.slots, tier.step))
    return block.pack()


WIDE = 'engine_ttft_seconds {"by": ["deployment"]}'
"""Quantiles of 100 models in one chart: measured, but held to no bar."""
QUERIES: Sequence[tuple[str, dict[str, object]]] = (
    ("gpu_utilization_ratio", {}),
    ("gpu_power_watts", {"by": ["node"]}),
    ("engine_ttft_seconds", {"by": ["deployment"]}),
    ("engine_ttft_seconds", {"where": {"deployment": ["model-7"]}}),
    ("engine_generation_tokens_total", {"by": [""]}),
    ("process_anonymous_bytes", {"where": {"deployment": ["model-7"]}}),
)


async def query_cost(room: Room, span: str, points: int) -> dict[str, float]:
    """Return the milliseconds of each query."""
    found: dict[str, float] = {}
    for figure, words in QUERIES:
        times: list[float] = []
        for _ in range(7):
            began = time.perf_counter()
            answer = await room.ask(figure, span, points=points, **words)  # pyright: ignore
            times.append((time.perf_counter() - began) * 1000)
        name = f"{figure} {json.dumps(words)} ({len(answer.series)} lines)"  # pyright: ignore
        found[name] = min(times)  # what else the machine does is not what is measured
    return found


async def measure(folder: Path, kinds: int) -> dict[str, dict[str, float]]:
    load = Load()
    clock = FakeClock(datetime(2026, 11, 23, 10, 30, tzinfo=UTC))
    gc.collect()
    before = psutil.Process().memory_info().rss
    async with room_in(folder, clock) as room:
        ticks = await tick_cost(room, load, 45)
        for _ in range(1860):
            clock.advance(2)
            for figure in FIGURES:
                room.board.put(figure.name, list(load.samples(figure)))
            room.record()
        load.counts.clear()
        gc.collect()
        held = psutil.Process().memory_info().rss - before
        memory = await query_cost(room, "1h", 300)
        sizes = await fill(room, load, kinds)
        week = await query_cost(room, "7d", 600)
        day = await query_cost(room, "24h", 600)
        year = await query_cost(room, "365d", 600)
    file = (folder / "vllm-manager.db").stat().st_size / 1e6
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "cpu": {**ticks, "share of a core": sum(ticks.values()) / 2},
        "memory": {"held after an hour, MB": held / 1e6, "most, MB": most},
        "database": {**sizes, "file, MB": file},
        "query of an hour, ms": memory,
        "query of a day, ms": day,
        "query of a week, ms": week,
        "query of a year, ms": year,
    }


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(measure(Path(folder), kinds=2))
    for part, values in found.items():
        print(part)
        for name, value in values.items():
            print(f"  {name:100}{value:12.4f}")
    kept = {
        "cpu_share": found["cpu"]["share of a core"],
        "memory_mb": found["memory"]["held after an hour, MB"],
        "database_mb": found["database"]["file, MB"],
        "query_ms": max(
            value
            for name, value in found["query of a week, ms"].items()
            if not name.startswith(WIDE)
        ),
    }
    for name, bar in BARS.items():
        print(
            f"{name:20}{kept[name]:10.3f}  at most {bar}{'' if kept[name] <= bar else '  MISSED'}"
        )
    results = ROOT / "bench" / "results"
    results.mkdir(parents=True, exist_ok=True)
    (results / "monitoring.json").write_text(json.dumps(found, indent=2) + "\n")
    return 0 if all(kept[name] <= bar for name, bar in BARS.items()) else 1


if __name__ == "__main__":
    sys.exit(main())
