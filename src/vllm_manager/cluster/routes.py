"""HTTP routes of nodes."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from vllm_manager.auth.guard import ANYONE
from vllm_manager.cluster.schemas import ClusterNode
from vllm_manager.cluster.service import Cluster
from vllm_manager.cluster.warmers import WarmerBoard, WarmerReport
from vllm_manager.kit.paging import Page

router = APIRouter(prefix="/api/v1/nodes", tags=["nodes"], dependencies=[Depends(ANYONE)])
report_router = APIRouter(prefix="/internal/v1", include_in_schema=False)


def cluster_of(request: Request) -> Cluster:
    """Return the service that `api.wiring` placed on the application."""
    return request.app.state.cluster


@router.get("", operation_id="listNodes", summary="List the cluster's nodes")
async def list_nodes(cluster: Annotated[Cluster, Depends(cluster_of)]) -> Page[ClusterNode]:
    return Page(items=list(await cluster.nodes()))


@report_router.post("/warmers", status_code=204)
async def take_warmer_report(report: WarmerReport, request: Request) -> None:
    warmers: WarmerBoard = request.app.state.warmers
    warmers.post(report)
