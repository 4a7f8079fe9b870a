"""Long work as rows: accepted at once, seen from anywhere, kept over restarts."""

from vllm_manager.operations.schemas import Operation, OperationKind, OperationStatus
from vllm_manager.operations.service import Begun, IdempotencyKey, Operations, Outcome

__all__ = [
    "Begun",
    "IdempotencyKey",
    "Operation",
    "OperationKind",
    "OperationStatus",
    "Operations",
    "Outcome",
]
