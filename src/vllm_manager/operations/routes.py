"""HTTP routes of operations."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from vllm_manager.auth.guard import ANYONE
from vllm_manager.kit.paging import MAX_LIMIT, Page
from vllm_manager.operations.schemas import Operation, OperationStatus
from vllm_manager.operations.service import Operations

router = APIRouter(prefix="/api/v1/operations", tags=["operations"], dependencies=[Depends(ANYONE)])


def operations_of(request: Request) -> Operations:
    """Return the service that `api.wiring` placed on the application."""
    return request.app.state.operations


Service = Annotated[Operations, Depends(operations_of)]


@router.get("", operation_id="listOperations", summary="List operations, newest first")
async def list_operations(
    operations: Service,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 50,
    cursor: str | None = None,
    status: OperationStatus | None = None,
) -> Page[Operation]:
    return await operations.list(limit, cursor, status)


@router.get("/{operation_id}", operation_id="getOperation", summary="Read one operation")
async def get_operation(operation_id: str, operations: Service) -> Operation:
    return await operations.get(operation_id)
