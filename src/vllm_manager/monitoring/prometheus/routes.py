"""HTTP routes for Prometheus: which engines there are, and the metrics of each."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from vllm_manager.auth.guard import ANYONE
from vllm_manager.monitoring.prometheus.relay import EngineMetrics
from vllm_manager.monitoring.prometheus.targets import EXAMPLE, PATH, TargetGroup, target_groups

router = APIRouter(prefix=PATH, tags=["system"], dependencies=[Depends(ANYONE)])


def engine_metrics_of(request: Request) -> EngineMetrics:
    """Return the service that `api.wiring` placed on the application."""
    return request.app.state.engine_metrics


Metrics = Annotated[EngineMetrics, Depends(engine_metrics_of)]


@router.get(
    "/targets",
    operation_id="listPrometheusTargets",
    summary="List the ready engines for Prometheus' HTTP service discovery",
    responses={200: {"content": {"application/json": {"example": EXAMPLE}}}},
)
async def list_targets(metrics: Metrics, request: Request) -> list[TargetGroup]:
    """Each is scraped through this server, at the address by which this was asked."""
    host = request.headers.get("x-forwarded-host") or request.headers["host"]
    scheme = "https" if request.url.scheme == "https" else "http"
    return target_groups(metrics.routes(), scheme, host)


@router.get(
    "/engines/{deployment}/{replica}/metrics",
    operation_id="getEngineMetrics",
    summary="The metrics of one engine, in vLLM's own words",
    response_class=Response,
    responses={
        200: {
            "description": "Prometheus' text format.",
            "content": {"text/plain": {"example": "vllm:num_requests_running 0.0\n"}},
        }
    },
)
async def get_engine_metrics(metrics: Metrics, deployment: str, replica: str) -> Response:
    fetched = await metrics.fetch(deployment, replica)
    return Response(fetched.body, media_type=fetched.media_type)
