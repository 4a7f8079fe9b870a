"""HTTP routes: why is it slow?"""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from vllm_manager.auth.guard import ANYONE
from vllm_manager.monitoring.slowness.schemas import Performance
from vllm_manager.monitoring.slowness.service import Slowness

router = APIRouter(
    prefix="/api/v1/deployments", tags=["deployments"], dependencies=[Depends(ANYONE)]
)


def slowness_of(request: Request) -> Slowness:
    """Return the service that `api.wiring` placed on the application."""
    return request.app.state.slowness


@router.get(
    "/{name}/performance",
    operation_id="getPerformance",
    summary="How fast a deployment is, and what slows it down",
)
async def get_performance(
    name: str, slowness: Annotated[Slowness, Depends(slowness_of)]
) -> Performance:
    """Of the last five minutes, the heaviest cause first; empty where nothing stands out."""
    return await slowness.of(name)
