"""What a config says: a model, its engine arguments, resources, environment, adapters, bounds."""

import re
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

FORMAT: Final = 1
"""The format of config files that this version writes, and the newest that it reads."""

_NAME: Final = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"


def _name(value: str) -> str:
    if not re.fullmatch(_NAME, value):
        raise PydanticCustomError(
            "name",
            "A name has lower-case letters, digits and inner hyphens only, at most 63 of them.",
        )
    return value


Name = Annotated[
    str,
    AfterValidator(_name),
    Field(
        description="Lower-case letters, digits and inner hyphens, at most 63.",
        json_schema_extra={"pattern": f"^{_NAME}$"},
    ),
]
ArgumentEntry = str | int | float | dict[str, object]
ArgumentValue = bool | int | float | str | list[ArgumentEntry] | dict[str, object] | None
MaxConcurrentRequests = Annotated[
    int,
    Field(ge=1, le=100_000, description="Requests answered at the same time; null: no bound."),
]
MaxQueuedRequests = Annotated[
    int,
    Field(
        ge=0,
        le=10_000,
        description="Requests that may wait where so many are answered; 0: none, more are refused "
        "at once. Null: as many as the installation says.",
    ),
]
QueueWaitSeconds = Annotated[
    float,
    Field(
        gt=0,
        le=3600,
        description="How long a request may wait to be answered. Null: as long as the "
        "installation says.",
    ),
]
Replicas = Annotated[int, Field(ge=1, le=64)]


class Strict(BaseModel):
    """A request body: unknown fields are errors."""

    model_config = ConfigDict(extra="forbid")


class Resources(Strict):
    """What one replica reserves."""

    cpus: float = Field(default=1.0, gt=0, le=1024, description="CPU cores that Ray sets aside.")
    gpus: int | None = Field(
        default=None,
        ge=0,
        le=64,
        description="GPUs; null: tensor × pipeline parallel where there are GPUs, else none.",
    )
    tensor_parallel_size: int = Field(default=1, ge=1, le=64)
    pipeline_parallel_size: int = Field(default=1, ge=1, le=64)


class LoraModule(Strict):
    """An adapter that the engine loads beside the model."""

    name: Name
    path: str = Field(
        min_length=2,
        max_length=512,
        pattern=r"^/",
        description="Absolute path of the adapter's folder, with safetensors weights.",
    )


class Autoscaling(Strict):
    """Bounds that the number of replicas is held within."""

    min_replicas: Replicas = 1
    max_replicas: Replicas

    @model_validator(mode="after")
    def _in_order(self) -> "Autoscaling":
        if self.min_replicas > self.max_replicas:
            raise PydanticCustomError(
                "bounds", "`min_replicas` may not be larger than `max_replicas`."
            )
        return self


class Recipe(Strict):
    """Everything that a deployment needs but its name."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "model": "Qwen/Qwen3-0.6B",
                    "revision": "main",
                    "arguments": {"max_model_len": 8192},
                    "max_concurrent_requests": 64,
                }
            ]
        },
    )

    description: str | None = Field(default=None, max_length=2000, description="What it is for.")
    model: str = Field(
        min_length=1,
        max_length=512,
        description="`demo`, the absolute path of a folder, `local/<name>`, or a Hugging Face id.",
    )
    revision: str | None = Field(default=None, max_length=128, description="Commit, tag or branch.")
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

    def plain(self) -> dict[str, Any]:
        """Return it as JSON values, as it is kept and compared."""
        return self.model_dump(mode="json")
