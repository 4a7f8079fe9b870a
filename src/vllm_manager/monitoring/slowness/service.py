"""Gathers a deployment's figures of the last minutes, and says what slows it down."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from vllm_manager.deployments.schemas import Replica
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.paging import Page
from vllm_manager.monitoring.samples import Samples
from vllm_manager.monitoring.samples.schemas import Function
from vllm_manager.monitoring.slowness.causes import causes_of, summary_of
from vllm_manager.monitoring.slowness.schemas import Measured, Performance

WINDOW_SECONDS: Final = 300
_POINTS: Final = 5

_OF_DEPLOYMENT: Final[tuple[tuple[str, str, Function], ...]] = (
    ("request_seconds", "engine_request_seconds", "mean"),
    ("queue_seconds", "engine_queue_seconds", "mean"),
    ("prefill_seconds", "engine_prefill_seconds", "mean"),
    ("decode_seconds", "engine_decode_seconds", "mean"),
    ("ttft_seconds", "engine_ttft_seconds", "mean"),
    ("inter_token_seconds", "engine_inter_token_seconds", "mean"),
    ("requests_per_second", "engine_request_seconds", "rate"),
    ("preemptions_per_second", "engine_preemptions_total", "rate"),
    ("prompt_tokens_per_second", "engine_prompt_tokens_total", "rate"),
    ("generation_tokens_per_second", "engine_generation_tokens_total", "rate"),
)
_NOW: Final[tuple[tuple[str, str, Callable[[Sequence[float]], float]], ...]] = (
    ("running", "engine_requests_running", sum),
    ("waiting", "engine_requests_waiting", sum),
    ("gateway_queued", "gateway_requests_queued", sum),
    ("kv_cache_ratio", "engine_kv_cache_usage_ratio", max),
)
_OF_GPUS: Final = (
    ("gpu_throttled_ratio", "gpu_throttled"),
    ("gpu_utilization_ratio", "gpu_utilization_ratio"),
)


Where = Mapping[str, Sequence[str]]
Places = Mapping[str, Sequence[str] | None]
"""The GPUs of each node that replicas hold, by index; None: which ones is not known."""


class Deployments(Protocol):
    """Who knows on which nodes a deployment runs."""

    async def replicas(self, name: str) -> Page[Replica]:
        """Return a deployment's replicas.

        Raises:
            Problem: there is no such deployment (404).
        """
        ...


class Slowness:
    """Answers why a deployment is slow."""

    def __init__(self, samples: Samples, deployments: Deployments, clock: Clock) -> None:
        self._samples = samples
        self._deployments = deployments
        self._clock = clock

    async def of(self, deployment: str) -> Performance:
        """Return how fast a deployment was in the last minutes, and what slowed it down.

        Raises:
            Problem: `deployment_not_found` (404).
        """
        replicas = (await self._deployments.replicas(deployment)).items
        own = {"deployment": [deployment]}
        found: dict[str, float | None] = {}
        for name, figure, function in _OF_DEPLOYMENT:
            found[name] = await self._mean(figure, function, own)
        is_current = await self._add_now(found, own)
        await self._add_nodes(found, places_of(replicas))
        found["prefix_hit_ratio"] = await self._hits(own)
        seen = Measured(window_seconds=WINDOW_SECONDS, is_current=is_current, **found)  # pyright: ignore[reportArgumentType]
        causes = causes_of(seen)
        return Performance(
            deployment=deployment,
            at=self._clock.now(),
            summary=summary_of(seen, causes),
            causes=causes,
            measured=seen,
        )

    async def _add_now(self, found: dict[str, float | None], own: Where) -> bool:
        """Add what is so now, or was in the window; return whether the engines are heard now."""
        is_current = True
        for name, figure, together in _NOW:
            items = (await self._samples.latest([figure], own)).items
            found[name] = together([item.value for item in items]) if items else None
            if not items:
                found[name] = await self._mean(figure, "value", own)
                is_current &= found[name] is None
        return is_current

    async def _add_nodes(self, found: dict[str, float | None], places: Places) -> None:
        """Add what the replicas' own GPUs and their nodes do; the worst of them counts."""
        for node, gpus in places.items():
            where: Where = {"node": [node]}
            cpu = await self._mean("node_cpu_ratio", "mean", where)
            found["node_cpu_ratio"] = _worse(found.get("node_cpu_ratio"), cpu)
            for name, figure in _OF_GPUS if gpus != [] else ():
                told = await self._mean(
                    figure, "value", {**where, **({"gpu": gpus} if gpus else {})}
                )
                found[name] = _worse(found.get(name), told)

    async def _hits(self, own: Where) -> float | None:
        """Return which share of prompt tokens the prefix cache knew."""
        asked, hit = [
            await self._mean(f"engine_prefix_cache_{name}_total", "rate", own)
            for name in ("queries", "hits")
        ]
        return None if not asked or hit is None else min(1.0, hit / asked)

    async def _mean(self, figure: str, function: Function, where: Where) -> float | None:
        """Return a figure's mean over the window; None where nothing is known of it."""
        answer = await self._samples.query(
            figure,
            since=None,
            until=None,
            span=f"{WINDOW_SECONDS}s",
            points=_POINTS,
            by=[],
            where=where,
            function=function,
            quantile=0.95,
        )
        known = [v for one in answer.series for _, v in one.points if v is not None]
        return sum(known) / len(known) if known else None


def places_of(replicas: Sequence[Replica]) -> Places:
    """Return where replicas run."""
    places: dict[str, list[str] | None] = {}
    for replica in replicas:
        node = replica.node.hostname or replica.node.id
        if node is None:
            continue
        gpus = replica.node.gpus
        indexes = None if gpus is None else [g.index for g in gpus if g.index is not None]
        before = places.get(node, [])
        if before is None or indexes is None or len(indexes) < len(gpus or ()):
            places[node] = None
        else:
            places[node] = [*before, *map(str, indexes)]
    return places


def _worse(one: float | None, other: float | None) -> float | None:
    return max((value for value in (one, other) if value is not None), default=None)
