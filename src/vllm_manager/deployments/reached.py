"""How the gateway reaches deployments."""

from pydantic import BaseModel, Field

from vllm_manager.deployments.states import Phase


class Route(BaseModel):
    """How the gateway reaches a deployment."""

    deployment: str
    created: int = Field(description="Seconds since 1970.")
    phase: Phase
    reason: str | None
    retry_after_seconds: float
    max_concurrent_requests: int | None
    max_queued_requests: int
    queue_wait_seconds: float
    max_model_len: int | None = Field(
        default=None, description="Tokens that a prompt and its answer may have together."
    )
    adapters: list[str] = Field(description="Further names that its engines answer to.")
    endpoints: list["RouteEndpoint"]


class RouteEndpoint(BaseModel):
    """One ready replica's address and secret."""

    replica_id: str
    url: str
    secret: str
