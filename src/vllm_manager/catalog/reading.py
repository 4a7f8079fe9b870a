"""Reads what the hub says into the catalog's own words. Pure; what is not understood is unknown."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, cast

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from vllm_manager.catalog.names import is_plain_path
from vllm_manager.catalog.schemas import Gate, HubFile, ModelSummary
from vllm_manager.kit.errors import Problem

Json = dict[str, Any]

EXPAND = (
    "author",
    "config",
    "createdAt",
    "downloads",
    "gated",
    "lastModified",
    "library_name",
    "likes",
    "pipeline_tag",
    "private",
    "safetensors",
    "sha",
    "tags",
    "trendingScore",
)
"""What a search asks the hub to tell of each model."""

_CONTEXT_NAMES = (
    "max_position_embeddings",
    "n_positions",
    "max_seq_len",
    "seq_length",
    "model_max_length",
    "max_sequence_length",
)


class _Lfs(BaseModel):
    sha256: str | None = Field(
        default=None, validation_alias=AliasChoices("sha256", "oid"), pattern="^[0-9a-f]{64}$"
    )


class _File(BaseModel):
    path: str = Field(validation_alias=AliasChoices("path", "rfilename"))
    size: int = Field(default=0, ge=0)
    oid: str = Field(default="", validation_alias=AliasChoices("oid", "blobId"))
    lfs: _Lfs | None = None


class _Safetensors(BaseModel):
    parameters: dict[str, int] = Field(default_factory=dict[str, int])
    total: int | None = None


class HubModel(BaseModel):
    """A model as `/api/models` tells of it."""

    model_config = ConfigDict(extra="ignore")

    id: str
    author: str | None = None
    sha: str | None = None
    private: bool | None = None
    gated: Literal[False, "auto", "manual"] | None = None
    downloads: int | None = None
    likes: int | None = None
    trending: float | None = Field(default=None, validation_alias="trendingScore")
    modified: datetime | None = Field(default=None, validation_alias="lastModified")
    library: str | None = Field(default=None, validation_alias="library_name")
    task: str | None = Field(default=None, validation_alias="pipeline_tag")
    tags: list[str] = Field(default_factory=list[str])
    config: Json | None = None
    safetensors: _Safetensors | None = None
    siblings: list[_File] = Field(default_factory=list[_File])


def read_model(raw: Mapping[str, Any]) -> HubModel:
    """Return the model that the hub tells of.

    Raises:
        Problem: what it tells is no model.
    """
    try:
        return HubModel.model_validate(raw)
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, one["loc"])) for one in error.errors()[:3])
        raise Problem(
            "hub_senseless",
            f"The hub told of a model in a way that is not understood ({fields}). Check "
            "VLLM_MANAGER_HUB_ENDPOINT, and whether this version is recent enough for the hub.",
            status=502,
        ) from error


def summaries(raw: list[Json], architectures: frozenset[str] | None) -> list[ModelSummary]:
    """Return the models of a page; one that is not understood is left out."""
    found: list[ModelSummary] = []
    for item in raw:
        try:
            found.append(summary(HubModel.model_validate(item), architectures))
        except ValidationError:
            continue
    return found


def summary(model: HubModel, architectures: frozenset[str] | None) -> ModelSummary:
    """Return a model as a list shows it. `architectures` are those the engine has."""
    config, counts = model.config, model.safetensors
    named = architectures_of(config or {})
    dtypes = counts.parameters if counts else {}
    return ModelSummary(
        repo=model.id,
        author=model.author or (model.id.partition("/")[0] if "/" in model.id else None),
        task=model.task,
        library=model.library,
        license=license_of(model.tags),
        gate=gate_of(model.gated),
        private=model.private,
        parameters=(counts.total or sum(dtypes.values()) or None) if counts else None,
        dtypes=sorted(dtypes, key=lambda name: -dtypes[name]),
        has_safetensors=_has_safetensors(model),
        architectures=named,
        supported=is_supported(named, architectures),
        needs_own_code=None if config is None else needs_own_code(config, architectures),
        downloads=model.downloads,
        likes=model.likes,
        trending_score=model.trending,
        updated_at=model.modified,
        tags=model.tags[:64],
    )


def _has_safetensors(model: HubModel) -> bool | None:
    """Tell by the tag that the hub gives every such model; None where it gives no tags."""
    if model.safetensors is not None:
        return True
    return "safetensors" in model.tags if model.tags else None


def files(raw: list[Json] | list[_File]) -> list[HubFile]:
    """Return the files of a tree or of a model's siblings.

    Raises:
        Problem: one of them is named so that it would lie outside the model's folder.
    """
    found: list[HubFile] = []
    for item in raw:
        if isinstance(item, dict):
            if item.get("type", "file") != "file":
                continue
            item = _file(item)
        found.append(_entry(item))
    return found


def _file(item: Json) -> _File:
    try:
        return _File.model_validate(item)
    except ValidationError as error:
        raise Problem(
            "hub_senseless",
            "The hub listed a file in a way that is not understood. Check "
            "VLLM_MANAGER_HUB_ENDPOINT.",
            status=502,
        ) from error


def _entry(file: _File) -> HubFile:
    if not is_plain_path(file.path):
        raise Problem(
            "unsafe_path",
            f"The repository names a file {file.path[:100]!a}, which is no plain path inside "
            "it. The repository is not used.",
            status=422,
        )
    return HubFile(
        path=file.path,
        size_bytes=file.size,
        sha256=file.lfs.sha256 if file.lfs else None,
        git_blob_id=file.oid,
    )


def gate_of(gated: object) -> Gate | None:
    words: dict[object, Gate] = {False: "open", "auto": "automatic", "manual": "manual"}
    return words.get(gated) if gated is not None else None


def license_of(tags: list[str]) -> str | None:
    return next((t.removeprefix("license:") for t in tags if t.startswith("license:")), None)


def architectures_of(config: Mapping[str, Any]) -> list[str]:
    named = config.get("architectures")
    return [str(name) for name in cast("list[Any]", named)] if isinstance(named, list) else []


def is_supported(named: list[str], known: frozenset[str] | None) -> bool | None:
    """Whether one of the architectures is the engine's; None where either is unknown."""
    if not named or known is None:
        return None
    return not known.isdisjoint(named)


def has_auto_map(config: Mapping[str, Any]) -> bool:
    """Whether the configuration names code of the repository's own to be run."""
    return bool(config.get("auto_map"))


def needs_own_code(config: Mapping[str, Any], known: frozenset[str] | None) -> bool:
    """Whether it can't be loaded without such code: what the engine has, it loads with its own."""
    return has_auto_map(config) and is_supported(architectures_of(config), known) is not True


def context_tokens(config: Mapping[str, Any]) -> int | None:
    """Return the longest context that the configuration states, also that of a text part."""
    inner = config.get("text_config")
    parts = [config, *([cast(Json, inner)] if isinstance(inner, dict) else [])]
    for part in parts:
        for name in _CONTEXT_NAMES:
            value = part.get(name)
            if isinstance(value, int) and 0 < value < 1 << 40:
                return value
    return None
