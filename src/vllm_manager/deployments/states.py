"""The phases of a deployment and what may be said of them (pure)."""

from typing import Final, Literal, get_args

Phase = Literal[
    "stopped",
    "queued",
    "scheduling",
    "fetching",
    "starting",
    "loading",
    "compiling",
    "warming",
    "ready",
    "degraded",
    "unreachable",
    "stopping",
    "failed",
    "deleting",
]
Desired = Literal["running", "stopped", "deleted"]
ReplicaPhase = Literal[
    "scheduling",
    "fetching",
    "starting",
    "loading",
    "compiling",
    "warming",
    "ready",
    "degraded",
    "unreachable",
    "stopping",
    "failed",
]

PHASES: Final = get_args(Phase)
START_ORDER: Final[tuple[Phase, ...]] = (
    "queued",
    "scheduling",
    "starting",
    "fetching",
    "loading",
    "compiling",
    "warming",
    "ready",
)
"""The way of a start; phases may be skipped, never walked backwards within one attempt."""

IN_PROGRESS: Final = frozenset(START_ORDER[:-1]) | {"stopping", "deleting"}
"""Phases that must end within a deadline."""
