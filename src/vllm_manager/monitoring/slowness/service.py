"""Gathers a deployment's figures of the last minutes, and says what slows it down."""

from collections.abc import Sequence
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
    ("running", "engine_requests_running", "value"),
    ("waiting", "engine_requests_waiting", "value"),
    ("gateway_queued", "gateway_requests_queued", "value"),
    ("kv_cache_ratio", "engine_kv_cache_usage_ratio", "mean"),
    ("preemptions_per_second", "engine_preemptions_total", "rate"),
    ("prompt_tokens_per_second", "engine_prompt_tokens_total", "rate"),
    ("generation_tokens_per_second", "engine_generation_tokens_total", "rate"),
)
_OF_NODES: Final[tuple[tuple[str, str, Function], ...]] = (
    ("gpu_throttled_ratio", "gpu_throttled", "mean"),
    ("gpu_utilization_ratio", "gpu_utilization_ratio", "mean"),
    ("node_cpu_ratio", "node_cpu_ratio", "mean"),
)


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
        named = {replica.node.hostname or replica.node.id for replica in replicas}
        nodes = sorted(name for name in named if name)
        found: dict[str, float | None] = {}
        for name, figure, function in _OF_DEPLOYMENT:
            found[name] = await self._mean(figure, function, "deployment", [deployment])
        for name, figure, function in _OF_NODES if nodes else ():
            found[name] = await self._mean(figure, function, "node", nodes)
        found["prefix_hit_ratio"] = await self._hits(deployment)
        seen = Measured(window_seconds=WINDOW_SECONDS, **found)  # pyright: ignore[reportArgumentType]
        causes = causes_of(seen)
        return Performance(
            deployment=deployment,
            at=self._clock.now(),
            summary=summary_of(seen, causes),
            causes=causes,
            measured=seen,
        )

    async def _hits(self, deployment: str) -> float | None:
        """Return which share of prompt tokens the prefix cache knew."""
        asked, hit = [
            await self._mean(
                f"engine_prefix_cache_{name}_total", "rate", "deployment", [deployment]
            )
            for name in ("queries", "hits")
        ]
        return None if not asked or hit is None else min(1.0, hit / asked)

    async def _mean(
        self, figure: str, function: Function, label: str, values: Sequence[str]
    ) -> float | None:
        """Return a figure's mean over the window; None where nothing is known of it."""
        answer = await self._samples.query(
            figure,
            since=None,
            until=None,
            span=f"{WINDOW_SECONDS}s",
            points=_POINTS,
            by=[],
            where={label: values},
            function=function,
            quantile=0.95,
        )
        known = [v for one in answer.series for _, v in one.points if v is not None]
        return sum(known) / len(known) if known else None
