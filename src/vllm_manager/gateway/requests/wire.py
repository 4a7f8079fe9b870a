"""What a worker tells the control plane of its requests, and what it is told in return."""

from math import inf
from typing import Annotated, Final, Literal

import msgspec

from vllm_manager.kit.endings import StatusClass

REQUESTS_PATH: Final = "/internal/v1/gateway/requests"

RequestState = Literal[
    "queued", "prefill", "decode", "working",
    "done", "refused", "upstream_failed", "client_left", "cancelled",
]  # fmt: skip
KeyClass = Literal["user", "service", "session"]

SECONDS_BOUNDS: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, inf)
"""Upper bounds of the lengths of requests."""
TTFT_BOUNDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, inf)
"""Upper bounds of the times to the first token."""

UNKNOWN_DEPLOYMENT: Final = "unknown"
"""Stands for every model that is not there: what clients send is no label."""

Text = Annotated[str, msgspec.Meta(max_length=512)]


class Bodies(msgspec.Struct, frozen=True):
    """What was asked and answered, without what looks like a secret, cut at a limit."""

    request: str
    response: str
    is_cut: bool = False


class Row(msgspec.Struct, frozen=True, omit_defaults=True):
    """One request. What is not known is None."""

    number: int
    """Its own among all that the worker has had."""
    id: Text
    deployment: Text
    model: Text
    path: Text
    stream: bool
    state: Text
    """A `RequestState`; a gateway of another version may tell others."""
    started_at: float
    """Seconds since 1970."""
    seconds: float
    user: Text
    key_class: KeyClass
    replica: Text | None = None
    ttft_seconds: float | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    team: Text | None = None
    key: Text | None = None
    client: Text = ""
    status: int | None = None
    status_class: StatusClass | None = None
    bodies: Bodies | None = None


class Histogram(msgspec.Struct, frozen=True):
    """How many values fell below each bound and above the one before it, and the sum of all."""

    counts: list[int]
    total: float


class Sums(msgspec.Struct, frozen=True):
    """What a worker has counted for one deployment since it began, and what it has under way."""

    deployment: Text
    answered: dict[StatusClass, int]
    seconds: Histogram
    ttft: Histogram
    tokens_in: dict[KeyClass, int]
    tokens_out: dict[KeyClass, int]
    under_way: int
    queued: int


class Told(msgspec.Struct, frozen=True):
    """All that a worker says at one moment."""

    worker: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    """One per life of a worker."""
    pid: int
    under_way: list[Row]
    """The longest first, up to a limit."""
    ended: list[Row]
    """Since it was last heard; the same may come again."""
    sums: list[Sums]
    was_heard: bool = False
    """Whether it was ever heard before. False: all that it has counted is news."""
    index: int | None = None
    """Its place among the gateway's workers; one that takes over for another has the same."""


class Orders(msgspec.Struct, frozen=True):
    """What the control plane answers."""

    cancel: list[int] = []
    """Numbers of requests to break off."""
    capture: dict[str, int] = {}
    """Of which deployments bodies are wanted, and of how many more requests."""
