"""What an operation looks like to a client."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from vllm_manager.kit.errors import ProblemDetails

OperationKind = Literal[
    "deployment.create",
    "deployment.start",
    "deployment.stop",
    "deployment.restart",
    "deployment.delete",
    "model.download",
    "model.verify",
    "model.adopt",
    "model.import",
]
OperationStatus = Literal["pending", "running", "paused", "succeeded", "failed", "cancelled"]

OPEN_STATUSES: tuple[OperationStatus, ...] = ("pending", "running", "paused")


class Operation(BaseModel):
    """A piece of long work: what was asked for, how far it is, how it ended."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "op_01k9x7b8f6m2n4q8s0v5w3y1za",
                    "kind": "deployment.create",
                    "subject": "demo",
                    "status": "running",
                    "progress": 0.5,
                    "message": "Loading weights, 50 %",
                    "error": None,
                    "created_at": "2026-11-23T10:00:00Z",
                    "updated_at": "2026-11-23T10:00:12Z",
                    "finished_at": None,
                }
            ]
        }
    )

    id: str
    kind: OperationKind
    subject: str = Field(description="Name of the deployment or model it works on.")
    status: OperationStatus
    progress: float | None = Field(
        default=None, description="0 to 1; null where it can't be known."
    )
    message: str | None = Field(default=None, description="What it is doing, or how it ended.")
    error: ProblemDetails | None = None
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None = None
