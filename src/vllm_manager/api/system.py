"""What the product says of itself: alive, ready, version, figures, and who takes part."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict

import vllm_manager
from vllm_manager.api import metrics
from vllm_manager.api.events import Events
from vllm_manager.api.metrics import RequestCounts
from vllm_manager.auth.guard import ANYONE
from vllm_manager.cluster import Cluster, Warmer, WarmerBoard
from vllm_manager.deployments import LogCounts, Standing, StartCounts
from vllm_manager.gateway.publisher import SnapshotPublisher
from vllm_manager.gateway.requests.board import RequestBoard
from vllm_manager.kit.errors import Problem
from vllm_manager.kit.process import ProcessIdentity
from vllm_manager.monitoring import prometheus
from vllm_manager.monitoring.prometheus import families as measured
from vllm_manager.monitoring.samples import Board

router = APIRouter(tags=["system"])


class Alive(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "ok"}]})


class Version(BaseModel):
    """Which release this is."""

    version: str

    model_config = ConfigDict(json_schema_extra={"examples": [{"version": "0.1.0"}]})


class ControlPlane(BaseModel):
    """The process that answers, and who acts if there are several."""

    holder: str | None
    is_leader: bool
    pid: int
    started_at: datetime
    resident_bytes: int


class GatewayWorker(BaseModel):
    """A gateway process that listens for snapshots; it is seen whenever it says something."""

    pid: int | None
    last_seen_at: datetime
    snapshot_version: int


class Gateway(BaseModel):
    """The gateway's workers, as far as they are connected."""

    workers: list[GatewayWorker]


class RaySeen(BaseModel):
    """Whether Ray answers."""

    state: Literal["up", "down", "unknown"]
    address: str | None
    message: str | None
    version: str | None


class EngineSeen(BaseModel):
    """The engine that was installed; null where it is not known."""

    name: str | None
    version: str | None
    python: str | None


class System(BaseModel):
    """Everything that takes part, for `vllm-manager status`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "version": "0.1.0",
                    "home_hint": "~/.vllm-manager",
                    "control_plane": {
                        "holder": "host-a/4711/1763892000.12",
                        "is_leader": True,
                        "pid": 4711,
                        "started_at": "2026-11-23T10:00:00Z",
                        "resident_bytes": 104857600,
                    },
                    "gateway": {
                        "workers": [
                            {
                                "pid": 4720,
                                "last_seen_at": "2026-11-23T10:05:00Z",
                                "snapshot_version": 42,
                            }
                        ]
                    },
                    "ray": {
                        "state": "up",
                        "address": "http://127.0.0.1:8802",
                        "message": None,
                        "version": "2.60.0",
                    },
                    "engine": {"name": "vllm", "version": "0.32.0", "python": "3.11"},
                    "warmers": [
                        {
                            "node": {"id": "ad02", "ip": "127.0.0.1", "hostname": "host-a"},
                            "pid": 4730,
                            "engine": "vllm",
                            "wanted": 1,
                            "reason": None,
                            "refused": 0,
                            "restarts": 0,
                            "spares": [
                                {
                                    "pid": 4731,
                                    "state": "ready",
                                    "reason": None,
                                    "resident_bytes": 666972160,
                                    "anonymous_bytes": 453361664,
                                    "age_seconds": 20.0,
                                    "engines_forked": 2,
                                }
                            ],
                            "last_seen_at": "2026-11-23T10:05:00Z",
                        }
                    ],
                }
            ]
        }
    )

    version: str
    home_hint: str
    control_plane: ControlPlane
    gateway: Gateway
    ray: RaySeen
    engine: EngineSeen
    warmers: list[Warmer]


@dataclass(frozen=True, slots=True)
class Facts:
    """Where the answers of this module come from; `api.wiring` fills it."""

    identity: ProcessIdentity
    started_at: datetime
    home_hint: str
    holder: Callable[[], str | None]
    is_leader: Callable[[], bool]
    database_answers: Callable[[], Awaitable[bool]]
    standings: Callable[[], Sequence[Standing]]
    cluster: Cluster
    warmers: WarmerBoard
    starts: StartCounts
    logs: Callable[[], Sequence[LogCounts]]
    publisher: SnapshotPublisher
    requests: RequestBoard
    events: Events
    engine: Callable[[], EngineSeen]
    board: Board


def _facts(request: Request) -> Facts:
    return request.app.state.facts


@router.get("/healthz", operation_id="getHealth", summary="Is the process alive?")
async def get_health() -> Alive:
    return Alive()


@router.get("/readyz", operation_id="getReadiness", summary="Can it do its work?")
async def get_readiness(request: Request) -> Alive:
    """Ready means: the database answers, and it is known which control plane acts."""
    facts = _facts(request)
    if not await facts.database_answers():
        raise _not_ready("The database does not answer.")
    if facts.holder() is None:
        raise _not_ready("It is not known yet which control plane acts.")
    return Alive()


@router.get("/version", operation_id="getVersion", summary="Which release is this?")
async def get_version() -> Version:
    return Version(version=vllm_manager.__version__)


@router.get(
    "/metrics",
    operation_id="getMetrics",
    summary="All figures for Prometheus: the product's own, and every node's and engine's",
    dependencies=[Depends(ANYONE)],
    response_class=Response,
    responses={
        200: {
            "description": "Prometheus' text format.",
            "content": {"text/plain": {"example": "vllm_manager_resident_bytes 104857600\n"}},
        }
    },
)
async def get_metrics(request: Request) -> Response:
    """Figures that are older than ten seconds are left out."""
    facts = _facts(request)
    requests: RequestCounts = request.app.state.request_counts
    streams, workers = facts.events.open_count, len(facts.requests.heard())
    families = [
        *metrics.process_families(vllm_manager.__version__, streams, workers),
        *metrics.deployment_families(facts.standings()),
        *metrics.start_families(facts.starts),
        *metrics.spare_families(facts.warmers.all()),
        *metrics.log_families(facts.logs()),
        *requests.families(),
    ]
    readings = list(facts.board.fresh().values())
    # In a thread: with many replicas it is megabytes, and the loop has others to answer.
    text = await asyncio.to_thread(lambda: prometheus.render([*families, *measured(readings)]))
    return Response(text, media_type=prometheus.MEDIA_TYPE)


@router.get(
    "/api/v1/system",
    operation_id="getSystem",
    summary="Everything that takes part",
    dependencies=[Depends(ANYONE)],
)
async def get_system(request: Request) -> System:
    facts = _facts(request)
    ray = await facts.cluster.status()
    return System(
        version=vllm_manager.__version__,
        home_hint=facts.home_hint,
        control_plane=_control_plane(facts),
        gateway=Gateway(workers=_workers(facts)),
        ray=RaySeen(**ray.model_dump()),
        engine=facts.engine(),
        warmers=list(facts.warmers.all()),
    )


def _control_plane(facts: Facts) -> ControlPlane:
    return ControlPlane(
        holder=facts.holder(),
        is_leader=facts.is_leader(),
        pid=facts.identity.pid,
        started_at=facts.started_at,
        resident_bytes=metrics.resident_bytes(),
    )


def _workers(facts: Facts) -> list[GatewayWorker]:
    heard_at = facts.requests.heard_at()
    return [
        GatewayWorker(
            pid=worker.pid,
            last_seen_at=heard_at.get(worker.pid, worker.connected_at),
            snapshot_version=worker.snapshot_version,
        )
        for worker in facts.publisher.workers()
    ]


def _not_ready(detail: str) -> Problem:
    return Problem("not_ready", detail, status=503, retryable=True, retry_after_seconds=2)
