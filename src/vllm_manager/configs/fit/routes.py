"""HTTP routes of the estimate whether a model fits."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from vllm_manager.auth.guard import ANYONE
from vllm_manager.configs.fit.schemas import FitReport, FitRequest
from vllm_manager.configs.fit.service import Fit

router = APIRouter(prefix="/api/v1/fit", tags=["fit"], dependencies=[Depends(ANYONE)])


def fit_of(request: Request) -> Fit:
    """Return the service that `api.wiring` placed on the application."""
    return request.app.state.fit


@router.post(
    "",
    operation_id="estimateFit",
    summary="Say whether a model with these settings fits, and what takes how much memory",
)
async def estimate_fit(question: FitRequest, fit: Annotated[Fit, Depends(fit_of)]) -> FitReport:
    """Nothing is started. What is not known makes the verdict `unknown`, never a guess of 0."""
    return await fit.estimate(question)
