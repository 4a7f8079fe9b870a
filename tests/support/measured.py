"""Readings of a large installation: what 64 GPUs and 100 replicas would be said of."""

from collections.abc import Iterable, Sequence

from vllm_manager.monitoring.samples import (
    FIGURES,
    Board,
    Distribution,
    Figure,
    Labels,
    Sample,
)

BOUNDS = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5),
    *(10.0, 20.0, 40.0, 80.0, 160.0, 640.0, 2560.0, float("inf")),
)
"""vLLM's bounds of the time to first token."""


def fill(
    board: Board,
    *,
    nodes: int = 8,
    gpus_each: int = 8,
    replicas: int = 100,
    name: str | None = None,
    grown: float = 1.0,
) -> None:
    """Put a reading of every figure on the board: by node, by replica, and the gateway's.

    Args:
        name: of the one deployment of all replicas; None: each has one of its own, with a long
            name.
        grown: what counters are multiplied by.
    """
    for node in range(nodes):
        readings = _of_node(f"node-{node:02}.cluster.example", gpus_each, grown)
        board.put(f"node {node}", list(readings))
    for number in range(replicas):
        deployment = name or f"{number:03}-a-model-with-a-name-as-long-as-may-be-".ljust(63, "x")
        board.put(f"replica {number}", list(_of_replica(deployment, f"{number:08x}", grown)))


def _of_node(node: str, gpus: int, grown: float) -> Iterable[Sample]:
    labels = {"node": (node,), "gpu": tuple(str(i) for i in range(gpus))}
    more = {
        "purpose": ("models", "home", "temporary", "shared_memory"),
        "process": ("control-plane", "gateway-0", "ray-raylet", "ray-dashboard-agent"),
    }
    for figure in FIGURES:
        if figure.labels[0] == "node":
            yield from _samples(figure, labels | more, grown)


def _of_replica(deployment: str, replica: str, grown: float) -> Iterable[Sample]:
    labels = {"deployment": (deployment,), "replica": (replica,)}
    more: dict[str, tuple[str, ...]] = {
        "status": ("2xx", "4xx", "5xx", "client_left"),
        "direction": ("in", "out"),
        "key_class": ("user", "service", "session"),
    }
    for figure in FIGURES:
        if figure.labels[0] == "deployment":
            yield from _samples(figure, labels | more, grown)
        if "process" in figure.labels:
            engine = {"node": ("node-00.cluster.example",), "process": ("engine",)}
            yield from _samples(figure, engine | labels, grown)


def _samples(figure: Figure, values: dict[str, tuple[str, ...]], grown: float) -> Iterable[Sample]:
    for labels in _combined(figure.labels, values):
        if figure.kind == "histogram":
            counts = tuple(1234 * place * grown for place in range(len(BOUNDS)))
            yield Sample(figure.name, labels, Distribution(BOUNDS, counts, 98765.4321 * grown))
        else:
            factor = grown if figure.kind == "counter" else 1.0
            yield Sample(figure.name, labels, 123456.789 * factor)


def _combined(names: Sequence[str], values: dict[str, tuple[str, ...]]) -> list[Labels]:
    found: list[Labels] = [()]
    for name in names:
        if name not in values:
            continue  # a sample may lack it
        found = [(*labels, (name, value)) for labels in found for value in values[name]]
    return found
