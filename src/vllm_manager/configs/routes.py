"""HTTP routes of the engine's argument list."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from vllm_manager.configs.arguments import EngineArguments
from vllm_manager.configs.schemas import ArgumentInfo

router = APIRouter(prefix="/api/v1/engine", tags=["engine"])


class ArgumentList(BaseModel):
    """Every argument that the installed engine knows."""

    engine: str = "vllm"
    version: str | None
    items: list[ArgumentInfo]
    next_cursor: str | None = None


def arguments_of(request: Request) -> EngineArguments:
    """Return the service that `api.wiring` placed on the application."""
    return request.app.state.engine_arguments


@router.get(
    "/arguments",
    operation_id="listEngineArguments",
    summary="List the arguments that the installed engine knows",
)
async def list_engine_arguments(
    arguments: Annotated[EngineArguments, Depends(arguments_of)],
) -> ArgumentList:
    known = arguments.known()
    return ArgumentList(version=arguments.version, items=list(known.values()))
