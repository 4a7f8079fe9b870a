"""What the product's log looks like to a client."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

Level = Literal["debug", "info", "warning", "error", "critical"]
LEVELS: Final[tuple[Level, ...]] = get_args(Level)
ENGINE: Final = "engine"
"""The process that stands for all engines."""


class LogEntry(BaseModel):
    """One line of one process, whichever it is."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "gateway.1f04.20480",
                    "time": "2026-11-23T10:00:00.123Z",
                    "level": "warning",
                    "logger": "vllm_manager.gateway.relay",
                    "process": "gateway",
                    "pid": 4711,
                    "message": "The engine broke off before its first byte; another is tried",
                    "request_id": "req_01kb2m3n4p5q6r7s8t9v0w1x2y",
                    "deployment": "demo",
                    "replica": None,
                    "phase": None,
                    "exception": None,
                    "fields": {"status": 200},
                }
            ]
        }
    )

    id: str = Field(description="Names this line; the same in every answer.")
    time: datetime
    level: Level | None = Field(default=None, description="Null where the line does not say.")
    logger: str | None = None
    process: str = Field(
        description="`control-plane`, `gateway`, `steward`, `ray`, `downloads`, `browser`, "
        "`engine`."
    )
    pid: int | None = None
    message: str
    request_id: str | None = None
    deployment: str | None = None
    replica: str | None = None
    phase: str | None = None
    exception: str | None = None
    fields: dict[str, Any] = Field(
        default_factory=dict[str, Any], description="What else the line says, by name."
    )


ErrorKind = Literal["uncaught", "rejection", "request", "stream", "render"]


class ClientError(BaseModel):
    """Something that went wrong in a browser."""

    model_config = ConfigDict(extra="forbid")

    kind: ErrorKind
    message: Annotated[str, Field(min_length=1, max_length=1000)]
    stack: Annotated[str | None, Field(max_length=4000)] = None
    page: Annotated[str | None, Field(max_length=200, description="Path of the page.")] = None
    request_id: Annotated[
        str | None,
        Field(pattern=r"^[A-Za-z0-9._:-]{1,64}$", description="Of the request that failed."),
    ] = None
    count: Annotated[
        int, Field(ge=1, le=10_000, description="So often since it was last told.")
    ] = 1


class ClientErrors(BaseModel):
    """A batch of them."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "errors": [
                        {
                            "kind": "request",
                            "message": "GET /api/v1/deployments answered 500",
                            "page": "/deployments",
                            "request_id": "req_01j000000000000000000000000",
                        }
                    ]
                }
            ]
        },
    )

    errors: Annotated[list[ClientError], Field(min_length=1, max_length=10)]


class ClientErrorsTaken(BaseModel):
    """What became of a batch."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"accepted": 1, "dropped": 0}]})

    accepted: int
    dropped: int = Field(description="Too many came from this session, or from all together.")
