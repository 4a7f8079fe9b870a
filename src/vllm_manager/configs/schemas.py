"""What configs and engine arguments look like to a client."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from vllm_manager.configs.recipe import Name, Recipe, Strict

_RECIPE: dict[str, JsonValue] = {
    "description": "Short answers",
    "model": "Qwen/Qwen3-0.6B",
    "revision": "main",
    "replicas": 1,
    "autoscaling": None,
    "resources": {
        "cpus": 1.0,
        "gpus": None,
        "tensor_parallel_size": 1,
        "pipeline_parallel_size": 1,
    },
    "arguments": {"max_model_len": 8192},
    "environment": {},
    "lora_modules": [],
    "max_concurrent_requests": 64,
    "max_queued_requests": None,
    "queue_wait_seconds": None,
}
_VERSION: dict[str, JsonValue] = {
    "name": "chat",
    "version": 3,
    "recipe": _RECIPE,
    "message": "Longer context",
    "author": "admin",
    "at": "2026-11-23T10:00:00Z",
}
_SUMMARY: dict[str, JsonValue] = {
    "name": "chat",
    "version": 3,
    "description": "Short answers",
    "model": "Qwen/Qwen3-0.6B",
    "revision": "main",
    "message": "Longer context",
    "author": "admin",
    "created_at": "2026-11-22T09:00:00Z",
    "updated_at": "2026-11-23T10:00:00Z",
    "used_by": ["assistant"],
}
_DIFF: dict[str, JsonValue] = {
    "name": "chat",
    "from": 2,
    "to": 3,
    "changes": [
        {"path": "arguments.max_model_len", "kind": "changed", "from": 4096, "to": 8192},
    ],
}
_PRESET: dict[str, JsonValue] = {
    "id": "qwen3",
    "title": "Qwen 3",
    "why": "Its thinking and its tool calls are told apart from the answer.",
    "matches": ["model_type qwen3"],
    "recipe": {"arguments": {"reasoning_parser": "qwen3"}},
}


def _example(value: JsonValue) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [value]})


class ArgumentInfo(BaseModel):
    """One argument of the engine, as the engine itself describes it."""

    name: str
    flag: str
    aliases: list[str] = Field(default_factory=list[str])
    type: Literal["integer", "number", "string", "boolean", "json", "list"]
    choices: list[Any] | None = None
    default: Any = None
    help: str | None = None
    reserved: str | None = Field(default=None, description="Why it can't be set; null if it can.")


class ConfigVersion(BaseModel):
    """One version of a config: it never changes."""

    model_config = _example(_VERSION)

    name: str
    version: int = Field(description="1, 2, 3 …")
    recipe: Recipe
    message: str | None = Field(default=None, description="What was changed, in a person's words.")
    author: str | None
    at: datetime


class ConfigSummary(BaseModel):
    """A config in a list: what its newest version says, and who uses it."""

    model_config = _example(_SUMMARY)

    name: str
    version: int = Field(description="Number of the newest version.")
    description: str | None
    model: str
    revision: str | None
    message: str | None = Field(description="Of the newest version.")
    author: str | None = Field(description="Of the newest version.")
    created_at: datetime
    updated_at: datetime
    used_by: list[str] = Field(description="Names of the deployments that were made from it.")


class Config(ConfigSummary):
    """A config with the recipe of its newest version."""

    model_config = _example({**_SUMMARY, "recipe": _RECIPE})

    recipe: Recipe


class ConfigSaved(BaseModel):
    """A config after a save: a new version was made only if something changed."""

    model_config = _example({"config": {**_SUMMARY, "recipe": _RECIPE}, "changed": True})

    config: Config
    changed: bool


class ConfigCreate(Strict):
    """A new config."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"name": "chat", "recipe": {"model": "Qwen/Qwen3-0.6B"}, "message": "First"}
            ]
        },
    )

    name: Name
    recipe: Recipe
    message: str | None = Field(default=None, max_length=500)


class ConfigSave(Strict):
    """The recipe as it should be from now on."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "recipe": {"model": "Qwen/Qwen3-0.6B", "arguments": {"max_model_len": 8192}},
                    "message": "Longer context",
                    "expected_version": 2,
                }
            ]
        },
    )

    recipe: Recipe
    message: str | None = Field(default=None, max_length=500)
    expected_version: int | None = Field(
        default=None,
        ge=1,
        description="The version that was edited; 409 if somebody saved another one since.",
    )


class ConfigClone(Strict):
    """A copy under another name."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "chat-long", "version": None}]}
    )

    name: Name
    version: int | None = Field(default=None, ge=1, description="Null: the newest.")
    message: str | None = Field(default=None, max_length=500)


class ConfigRollback(Strict):
    """Which version to go back to."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"version": 2}]})

    version: int = Field(ge=1)
    message: str | None = Field(default=None, max_length=500)


class ConfigImport(Strict):
    """The text of a file with one config, or many."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"text": '{"format": 1, "name": "chat", "model": "Qwen/Qwen3-0.6B"}\n'},
            ]
        },
    )

    text: str = Field(description="The file as it is, so that errors name line and column.")
    message: str | None = Field(default=None, max_length=500)
    check_only: bool = Field(default=False, description="Say what would happen; save nothing.")


class ImportedConfig(BaseModel):
    """What became of one config of a file."""

    name: str
    outcome: Literal["created", "changed", "unchanged"]
    version: int = Field(description="The newest version after the import.")


class ConfigsImported(BaseModel):
    """What became of each config of a file."""

    model_config = _example(
        {"items": [{"name": "chat", "outcome": "created", "version": 1}], "saved": True}
    )

    items: list[ImportedConfig]
    saved: bool = Field(description="False where it was only checked.")


class ConfigFile(Recipe):
    """One config as a file: the recipe with its name and the format's number."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"format": 1, "name": "chat", "model": "Qwen/Qwen3-0.6B"}],
        },
    )

    format: Literal[1]
    name: Name


class ConfigFiles(BaseModel):
    """Many configs as one file."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "format": 1,
                    "configs": [{"format": 1, "name": "chat", "model": "Qwen/Qwen3-0.6B"}],
                }
            ],
        },
    )

    format: Literal[1] = 1
    configs: list[ConfigFile]


class ConfigChange(BaseModel):
    """One difference between two versions."""

    model_config = ConfigDict(serialize_by_alias=True)

    path: str = Field(description="Dotted: `arguments.max_model_len`, `lora_modules[0].path`.")
    kind: Literal["added", "removed", "changed"]
    before: Any = Field(default=None, serialization_alias="from")
    after: Any = Field(default=None, serialization_alias="to")


class ConfigDiff(BaseModel):
    """What differs between two versions of a config."""

    model_config = ConfigDict(serialize_by_alias=True, json_schema_extra={"examples": [_DIFF]})

    name: str
    before: int = Field(serialization_alias="from")
    after: int = Field(serialization_alias="to")
    changes: list[ConfigChange]


class Preset(BaseModel):
    """Settings that a family of models is best run with, and why."""

    model_config = _example(_PRESET)

    id: str
    title: str
    why: str
    matches: list[str] = Field(
        default_factory=list[str], description="What of the model in question it was chosen for."
    )
    recipe: dict[str, Any] = Field(description="Fields of a recipe, to be laid over one's own.")


class PresetList(BaseModel):
    """Presets that fit, the most specific first."""

    model_config = _example({"items": [_PRESET], "next_cursor": None})

    items: list[Preset]
    next_cursor: str | None = None
