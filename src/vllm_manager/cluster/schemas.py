"""What nodes look like to a client."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class ClusterNode(BaseModel):
    """A machine of the Ray cluster, with what Ray may hand out on it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "ad02faedc0a6",
                    "ip": "127.0.0.1",
                    "hostname": None,
                    "is_head": True,
                    "state": "alive",
                    "state_message": None,
                    "cpus": 8,
                    "gpus": 0,
                    "memory_bytes": 17301628109,
                }
            ]
        }
    )

    id: str
    ip: str | None
    hostname: str | None
    is_head: bool
    state: Literal["alive", "dead"]
    state_message: str | None
    cpus: float | None = Field(description="CPU cores that Ray may set aside.")
    gpus: float | None
    memory_bytes: int | None


class RayStatus(BaseModel):
    """Whether Ray answers."""

    state: Literal["up", "down"]
    address: str
    version: str | None
    message: str | None
