"""What is told of requests over HTTP."""

from datetime import datetime
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from vllm_manager.gateway.requests.wire import KeyClass, RequestState
from vllm_manager.kit.endings import StatusClass
from vllm_manager.kit.paging import Page

Activity = Literal["active", "recent"]

MOST_MINUTES: Final = 60
MOST_REQUESTS: Final = 100
MOST_HOURS: Final = 24


class RequestView(BaseModel):
    """One request to a model. What is not known is null."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "req_0123456789abcdef01234567",
                    "deployment": "demo",
                    "model": "demo",
                    "replica": "Zk3v9q",
                    "path": "/v1/chat/completions",
                    "stream": True,
                    "state": "decode",
                    "is_active": True,
                    "is_current": True,
                    "is_cancelling": False,
                    "status": None,
                    "status_class": None,
                    "started_at": "2026-11-23T10:00:00Z",
                    "seconds": 4.2,
                    "ttft_seconds": 0.21,
                    "tokens_per_second": 31.5,
                    "prompt_tokens": None,
                    "completion_tokens": 126,
                    "cached_tokens": None,
                    "user": "usr_1",
                    "user_name": "ada",
                    "team": None,
                    "key": "key_1",
                    "key_name": "laptop",
                    "key_last_four": "x9Qa",
                    "key_class": "user",
                    "client": "10.0.0.7",
                    "worker": 4711,
                    "has_bodies": False,
                }
            ]
        }
    )

    id: str = Field(description="The request's own id, also in the logs: `x-request-id`.")
    deployment: str
    model: str = Field(description="The name that was asked for: the deployment's, or an adapter.")
    replica: str | None = Field(description="Which one answers; null while none does.")
    path: str
    stream: bool
    state: RequestState = Field(
        description="Under way: `queued` here; `prefill` from when an engine has it until the "
        "first token (its own queue included); `decode`; `working` where the answer comes whole, "
        "which tells no first token. Over: `done`, `refused`, `upstream_failed`, `client_left`, "
        "`cancelled`."
    )
    is_active: bool = Field(description="True while it is under way.")
    is_current: bool = Field(
        description="False: the gateway's worker has been silent for 10 s, so this is how it was."
    )
    is_cancelling: bool = Field(description="It was cancelled and is about to end.")
    status: int | None = Field(description="HTTP status, once it is over; 499: the client left.")
    status_class: StatusClass | None
    started_at: datetime
    seconds: float
    ttft_seconds: float | None = Field(description="Time to the first token; of streams alone.")
    tokens_per_second: float | None = Field(description="Tokens after the first, by their time.")
    prompt_tokens: int | None
    completion_tokens: int | None = Field(
        description="While it is under way: about as many as the events of its stream."
    )
    cached_tokens: int | None
    user: str = Field(description="Id of the user.")
    user_name: str | None
    team: str | None
    key: str | None = Field(description="Id of the key; null for login sessions.")
    key_name: str | None
    key_last_four: str | None
    key_class: KeyClass
    client: str = Field(description="The client's address; empty where it is not known.")
    worker: int = Field(description="The gateway worker's pid.")
    has_bodies: bool = Field(description="Its bodies were captured, and are kept still.")


class RequestPage(Page[RequestView]):
    """Requests, and how much of the gateway they are from."""

    workers: int = Field(description="Workers of the gateway that are heard.")
    silent_workers: int = Field(
        description="Workers that were heard within the last minute, but not in the last 10 s: "
        "their requests are shown as they were."
    )


class CaptureStart(BaseModel):
    """How much is captured, and for how long it is kept."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"minutes": 10, "requests": 20, "keep_hours": 1}]},
    )

    minutes: int = Field(10, ge=1, le=MOST_MINUTES, description="It ends by itself after these.")
    requests: int = Field(
        20, ge=1, le=MOST_REQUESTS, description="It ends by itself after so many requests."
    )
    keep_hours: int = Field(1, ge=1, le=MOST_HOURS, description="Then the bodies are forgotten.")


class Capture(BaseModel):
    """That bodies of a deployment's requests are captured now."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "deployment": "demo",
                    "until": "2026-11-23T10:10:00Z",
                    "requests_left": 20,
                    "keep_hours": 1,
                    "started_by": "ada",
                }
            ]
        }
    )

    deployment: str
    until: datetime
    requests_left: int
    keep_hours: int
    started_by: str


class RequestBodies(BaseModel):
    """What was asked and answered. What looks like a secret was taken out before it was kept."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "req_0123456789abcdef01234567",
                    "deployment": "demo",
                    "request": '{"model": "demo", "messages": […]}',
                    "response": 'data: {"choices": […]}\n\ndata: [DONE]\n\n',
                    "is_cut": False,
                    "expires_at": "2026-11-23T11:10:00Z",
                }
            ]
        }
    )

    id: str
    deployment: str
    request: str
    response: str
    is_cut: bool = Field(description="One of them was longer than 64 KiB, and ends there.")
    expires_at: datetime
