"""An installation at work, of 64 GPUs on 8 nodes, and 100 models with one replica each."""

import random
from collections.abc import Iterator, Sequence
from itertools import accumulate
from math import inf
from operator import add

from fakes.clock import FakeClock
from vllm_manager.cluster import SeenMachine
from vllm_manager.cluster.warmers import MachineReport, WarmerNode
from vllm_manager.deployments import Report
from vllm_manager.deployments.observed import Identity, SeenHistogram
from vllm_manager.monitoring.samples import FIGURES, Figure, Sample
from vllm_manager.monitoring.samples.archive import Tier
from vllm_manager.monitoring.samples.blocks import Block
from vllm_manager.monitoring.samples.columns import HistogramSpan, ScalarSpan, Span
from vllm_manager.monitoring.samples.reading import Distribution

NODES, GPUS, REPLICAS = 8, 8, 100
PURPOSES = ("models", "home", "temporary", "shared_memory")
RAY = ("ray-raylet", "ray-log-monitor", "ray-dashboard-agent", "ray-runtime-env-agent")
BUCKETS = (
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
    20.0, 40.0, 80.0, 160.0, 640.0, 2560.0, inf,
)  # fmt: skip
NOTHING = (0.0,) * len(BUCKETS)
Labels = tuple[tuple[str, str], ...]


def labels_of(figure: Figure) -> Iterator[Labels]:
    """Yield the series of a figure in the installation that is measured."""
    nodes = [(("node", f"gpu-{n}"),) for n in range(NODES)]
    replicas = [(("deployment", f"model-{n}"), ("replica", f"r{n:06x}")) for n in range(REPLICAS)]
    if figure.labels == ("node",):
        yield from nodes
    elif figure.labels == ("node", "purpose"):
        yield from ((*node, ("purpose", p)) for node in nodes for p in PURPOSES)
    elif figure.labels == ("node", "gpu"):
        yield from ((*node, ("gpu", str(g))) for node in nodes for g in range(GPUS))
    elif figure.labels == ("deployment", "replica"):
        yield from replicas
    elif figure.name.startswith("process_"):
        for n, replica in enumerate(replicas):
            for kind in ("engine", "supervisor"):
                yield (*nodes[n % NODES], ("process", kind), *replica)
        for kind in ("control-plane", "gateway-0", "gateway-1", "steward"):
            yield (*nodes[0], ("process", kind))
        yield from ((*node, ("process", kind)) for node in nodes for kind in RAY)
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
        self.counts: dict[tuple[str, Labels], tuple[int, tuple[float, ...]]] = {}
        self.series = {figure: list(labels_of(figure)) for figure in FIGURES}
        self.steps = [self.step(middle) for middle in range(4, 14) for _ in range(8)]
        """What 20 more requests add to a histogram's cumulative counts."""

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
        middle, before = self.counts.get((name, labels)) or (len(self.counts) % 10, NOTHING)
        told = tuple(map(add, before, self.steps[8 * middle + self.random.randrange(8)]))
        self.counts[name, labels] = middle, told
        return Distribution(BUCKETS, told, 0.1 * told[-1])

    def step(self, middle: int) -> Sequence[float]:
        counts = [0.0] * len(BUCKETS)
        for _ in range(20):
            counts[min(max(round(self.random.gauss(middle, 1.5)), 0), len(BUCKETS) - 1)] += 1
        return list(accumulate(counts))


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
        hostname=f"gpu-{number % NODES}", processes={"engine": takes(), "supervisor": takes()},
    )  # fmt: skip


def takes() -> dict[str, float]:
    return {f.name: 1e9 for f in FIGURES if f.name.startswith("process_")}


def machine_of(load: Load, number: int, clock: FakeClock) -> SeenMachine:
    def told(*labels: str) -> dict[str, float]:
        return {f.name: load.gauge(f) for f in FIGURES if f.labels == labels}

    machine = MachineReport(
        node=told("node"),
        gpus={str(gpu): told("node", "gpu") for gpu in range(GPUS)},
        disks={purpose: told("node", "purpose") for purpose in PURPOSES},
        processes={process: takes() for process in RAY},
    )
    node = WarmerNode(id=f"node-{number}", hostname=f"gpu-{number}")
    return SeenMachine(node, clock.monotonic(), machine)


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


def packed(load: Load, figure: Figure, tier: Tier) -> bytes:
    block = Block(tier.slots)
    for labels in load.series[figure]:
        block.put(labels, 0, span_of(load, figure, tier.slots, tier.step))
    return block.pack()
