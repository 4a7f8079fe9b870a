"""What deployments look like to a client."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticKnownError

from vllm_manager.configs import (
    ArgumentValue,
    Autoscaling,
    LoraModule,
    MaxConcurrentRequests,
    MaxQueuedRequests,
    Name,
    QueueWaitSeconds,
    Replicas,
    Resources,
    Strict,
)
from vllm_manager.configs.fit.schemas import FitComparison, FitReport, MemoryActual
from vllm_manager.deployments.observed import FetchState
from vllm_manager.deployments.states import Desired, Phase, ReplicaPhase
from vllm_manager.kit.errors import ProblemDetails
from vllm_manager.kit.redaction import redact
from vllm_manager.operations import Operation

Model = Annotated[
    str,
    Field(
        min_length=1,
        max_length=512,
        description="`demo`, the absolute path of a folder, `local/<name>`, or a Hugging Face id.",
    ),
]
Revision = Annotated[str, Field(max_length=128, description="Commit, tag or branch.")]
ConfigVersionNumber = Annotated[int, Field(ge=1, le=2**31 - 1)]
Force = Annotated[bool, Field(description="Start it even if the estimate says that it can't fit.")]


class ConfigReference(Strict):
    """The version of a config that a spec was made from."""

    name: Name
    version: ConfigVersionNumber


class ConfigChoice(Strict):
    """A config to make a spec from."""

    name: Name
    version: ConfigVersionNumber | None = Field(default=None, description="Null: the newest.")


class DeploymentSpec(Strict):
    """What is wanted: a model, on which resources, with which engine arguments."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"name": "demo", "model": "demo", "arguments": {"max_model_len": 1024}}]
        },
    )

    name: Name
    model: Model
    revision: Revision | None = None
    config: ConfigReference | None = Field(
        default=None, description="The config that it was made from, if it was."
    )
    engine: Literal["vllm", "fake"] = "vllm"
    replicas: Replicas = 1
    autoscaling: Autoscaling | None = None
    resources: Resources = Field(default_factory=Resources)
    arguments: dict[str, ArgumentValue] = Field(
        default_factory=dict[str, ArgumentValue],
        description='The engine\'s own arguments by name: `{"max_model_len": 1024}`.',
    )
    environment: dict[str, str] = Field(default_factory=dict[str, str])
    lora_modules: list[LoraModule] = Field(default_factory=list[LoraModule], max_length=64)
    max_concurrent_requests: MaxConcurrentRequests | None = None
    max_queued_requests: MaxQueuedRequests | None = None
    queue_wait_seconds: QueueWaitSeconds | None = None
    start: bool = Field(default=True, description="Start it at once.")


class DeploymentRequest(Strict):
    """A deployment to create: a spec, or a config with what is to differ from it.

    Fields that are left out come from the config, or have the spec's defaults. `arguments`,
    `environment` and `resources` are laid over the config's member by member.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"name": "demo", "model": "demo", "arguments": {"max_model_len": 1024}},
                {"name": "assistant", "config": {"name": "chat", "version": 3}},
            ]
        },
    )

    name: Name
    config: ConfigChoice | None = None
    model: Model | None = Field(
        default=None, validate_default=True, description="Needed where there is no `config`."
    )
    revision: Revision | None = None
    engine: Literal["vllm", "fake"] | None = None
    replicas: Replicas | None = None
    autoscaling: Autoscaling | None = None
    resources: Resources | None = None
    arguments: dict[str, ArgumentValue] | None = None
    environment: dict[str, str | None] | None = None
    lora_modules: Annotated[list[LoraModule], Field(max_length=64)] | None = None
    max_concurrent_requests: MaxConcurrentRequests | None = None
    max_queued_requests: MaxQueuedRequests | None = None
    queue_wait_seconds: QueueWaitSeconds | None = None
    start: bool = Field(default=True, description="Start it at once.")
    force: Force = False

    @field_validator("model")
    @classmethod
    def _model_or_config(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None and "config" in info.data and info.data["config"] is None:
            raise PydanticKnownError("missing")
        return value

    def given(self) -> dict[str, Any]:
        """Return the spec's fields that were given."""
        return self.model_dump(mode="json", exclude_unset=True, exclude={"config", "force"})


class DeploymentChange(Strict):
    """A change of some fields. `replicas` acts at once; others set `stale` until a restart."""

    config: ConfigChoice | None = Field(
        default=None, description="Another config, or version, to be made from."
    )
    model: Model | None = None
    revision: Revision | None = None
    replicas: Replicas | None = None
    autoscaling: Autoscaling | None = None
    resources: Resources | None = None
    arguments: dict[str, ArgumentValue] | None = None
    environment: dict[str, str] | None = None
    lora_modules: Annotated[list[LoraModule], Field(max_length=64)] | None = None
    max_concurrent_requests: MaxConcurrentRequests | None = None
    max_queued_requests: MaxQueuedRequests | None = None
    queue_wait_seconds: QueueWaitSeconds | None = None
    force: Force = False


class StartRequest(Strict):
    """How to start."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"force": False}]})

    config_version: ConfigVersionNumber | None = Field(
        default=None, description="Of the config that it was made from. Null: the newest."
    )
    force: Force = False


class ConfigUse(BaseModel):
    """The config that a deployment was made from."""

    name: str
    version: int
    newest_version: int | None = Field(description="Null where the config is gone.")


class FetchView(BaseModel):
    """How far the files are that a deployment waits for."""

    state: FetchState
    download_id: str | None
    path: str | None = Field(description="Where the API shows the download.")
    bytes_done: int | None
    bytes_total: int | None
    bytes_per_second: float | None
    eta_seconds: float | None
    stalled: bool


class EngineMetrics(BaseModel):
    """An engine's own figures; null where they can't be read."""

    requests_running: float | None = None
    requests_waiting: float | None = None
    kv_cache_usage_ratio: float | None = None
    prompt_tokens_total: float | None = None
    generation_tokens_total: float | None = None
    preemptions_total: float | None = Field(
        default=None, description="Requests that were put back for lack of room in the KV cache."
    )
    prefix_cache_queries_total: float | None = Field(
        default=None, description="Prompt tokens looked up in the prefix cache."
    )
    prefix_cache_hits_total: float | None = Field(
        default=None, description="Prompt tokens found there."
    )


class TimelineStep(BaseModel):
    """One phase of the current or last start."""

    phase: Phase
    state: Literal["done", "running", "expected"]
    seconds: float | None = Field(default=None, description="Measured; grows while running.")
    expected_seconds: float | None = Field(default=None, description="Median of earlier starts.")


class Deployment(BaseModel):
    """A deployment as wanted, and as seen a moment ago."""

    name: str
    uid: str
    spec: DeploymentSpec
    generation: int = Field(description="Grows with every start and restart.")
    desired: Desired
    phase: Phase
    reason: str | None = Field(default=None, description="Why it is in this phase, in a sentence.")
    since: datetime
    last_progress_at: datetime | None = None
    progress: float | None = Field(
        default=None, description="0 to 1 within the phase, where known."
    )
    log_line: str | None = Field(default=None, description="The engine's latest line of interest.")
    deadline_at: datetime | None = Field(default=None, description="When this phase is given up.")
    attempt: int = Field(description="Which try of this start this is, from 1.")
    next_retry_at: datetime | None = None
    stale: bool = Field(description="A restart would change what runs.")
    config: ConfigUse | None = None
    fetch: FetchView | None = Field(
        default=None, description="The download of its model, while it waits for it."
    )
    estimate: FitReport | None = Field(
        default=None, description="What was estimated of its memory before it was started."
    )
    measured: MemoryActual | None = Field(
        default=None, description="What the engine itself said of its memory at the last start."
    )
    comparison: FitComparison | None = Field(
        default=None, description="How far the estimate was off."
    )
    degradations: list[str] = Field(default_factory=list[str])
    last_error: ProblemDetails | None = None
    replicas_desired: int
    replicas_ready: int
    timeline: list[TimelineStep] = Field(default_factory=list[TimelineStep])
    how: str | None = Field(
        default=None, description="`cold` or `warm`: how the engine was started."
    )
    how_reason: str | None = None
    metrics: EngineMetrics | None = Field(default=None, description="Sum over ready replicas.")
    created_at: datetime
    updated_at: datetime


class DeploymentAccepted(BaseModel):
    """The answer to a call that takes time: watch the operation."""

    deployment: Deployment
    operation: Operation


class NodeGpu(BaseModel):
    """A GPU as the driver on its node counts and names it."""

    index: int | None = None
    uuid: str | None = Field(default=None, description="Of the GPU, or of a MIG instance.")


class Node(BaseModel):
    """The node on which a replica runs."""

    id: str | None = None
    ip: str | None = None
    hostname: str | None = None
    gpus: list[NodeGpu] | None = Field(
        default=None, description="Those that Ray gave to the replica; null where it has not said."
    )


class Suggestion(BaseModel):
    """An engine argument that would mend a failure, as the replica worked it out."""

    argument: str
    value: bool | int | float | str | None = Field(
        default=None, description="null: the argument is to be taken out."
    )


Told = Annotated[str, AfterValidator(redact)]
"""What an engine says. Whatever looks like a secret is taken out before anybody keeps it."""


class ReplicaFailure(BaseModel):
    """Why a replica's engine ended."""

    code: str
    detail: Told
    evidence: Told | None = None
    exit_code: int | None = None
    signal: int | None = None
    suggestion: Suggestion | None = None
    alternatives: list[Suggestion] = Field(
        default_factory=list[Suggestion], description="Settings that would do as well."
    )
    tail: Told | None = Field(
        default=None, description="The engine's last lines, where no known cause fits them."
    )


class Replica(BaseModel):
    """One copy of the engine, as Ray and its own reports tell it."""

    replica_id: str
    node: Node
    phase: ReplicaPhase
    reason: str | None = None
    endpoint: str | None = None
    attempt: int | None = None
    supervisor_pid: int | None = None
    engine_pid: int | None = None
    reported_at: datetime | None = None
    metrics: EngineMetrics | None = None
    failure: ReplicaFailure | None = None


class LogLine(BaseModel):
    """One line of an engine's output."""

    number: int
    at: datetime
    replica: str
    attempt: int
    stream: str = Field(
        description="`stdout`, `stderr`; `supervisor`: said by the process beside the engine; "
        "`gap`: lines are missing here."
    )
    text: str
    phase: str | None = Field(default=None, description="The replica's phase at that moment.")
    dropped: int | None = Field(
        default=None, description="In a gap: how many lines are missing here."
    )


class LogAttempt(BaseModel):
    """One life of one replica's engine: when it was, how it ended, what is kept of its output."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "replica": "4k2x9a1c",
                    "generation": 2,
                    "attempt": 1,
                    "incarnation": "b0c1d2e3",
                    "node": "gpu-a",
                    "began_at": "2026-11-23T10:00:04Z",
                    "state": "running",
                    "phase": "ready",
                    "lines": 1290,
                    "lines_dropped": 0,
                    "size_bytes": 262144,
                }
            ]
        }
    )

    replica: str
    generation: int
    attempt: int
    incarnation: str
    node: str | None = Field(description="Host name.")
    began_at: datetime
    ended_at: datetime | None = Field(description="When it was last heard; null while it runs.")
    state: Literal["running", "stopped", "failed", "lost"] = Field(
        description="`lost`: its reports ended without a word of why."
    )
    phase: str
    failure: ReplicaFailure | None = None
    lines: int = Field(description="Lines that its engine wrote.")
    lines_dropped: int = Field(description="Of these, how many came too fast to be kept.")
    size_bytes: int


class DeploymentEvent(BaseModel):
    """Something that happened to a deployment."""

    id: str
    at: datetime
    kind: Literal["phase", "error", "change"]
    phase: Phase | None = None
    message: str
    problem: ProblemDetails | None = None
