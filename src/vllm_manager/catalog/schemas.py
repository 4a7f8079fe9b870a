"""What the catalog says over HTTP, and what it tells the other rooms of a model."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from vllm_manager.kit.errors import ProblemDetails, Remedy

Sort = Literal["trending", "downloads", "likes", "updated"]
Source = Literal["hub", "cache", "shipped"]
Gate = Literal["open", "automatic", "manual"]
WeightFormat = Literal["safetensors", "pickle", "gguf", "none"]
Scope = Literal["installation", "user"]
FindingCode = Literal[
    "architecture_unsupported",
    "code_refused",
    "gated",
    "no_config",
    "no_weights",
    "not_safetensors",
    "pickle_only",
]


class ModelSummary(BaseModel):
    """A model as a list shows it. What the Hub doesn't tell is null."""

    repo: str = Field(description="Its id: `organisation/name`.")
    author: str | None
    task: str | None = Field(description="What it is for: `text-generation`, `feature-extraction`…")
    library: str | None
    license: str | None
    gate: Gate | None = Field(description="Whether a licence must be accepted on the Hub first.")
    private: bool | None
    parameters: int | None = Field(description="How many, all dtypes together.")
    dtypes: list[str] = Field(description="Of its weights, most first: `BF16`, `F8_E4M3`…")
    has_safetensors: bool | None
    architectures: list[str]
    supported: bool | None = Field(
        description="Whether the installed vLLM has its architecture; null where unknown."
    )
    needs_own_code: bool | None = Field(
        description="Whether it can't be loaded without code of its own (`auto_map`), which is "
        "refused."
    )
    downloads: int | None = Field(description="Of the last 30 days.")
    likes: int | None
    trending_score: float | None
    updated_at: datetime | None
    tags: list[str]


class Freshness(BaseModel):
    """Where an answer comes from, and how old it is."""

    source: Source = Field(
        description="`hub`: asked just now. `cache`: what the Hub said at `fetched_at`. "
        "`shipped`: a list that came with this version, since the Hub could not be asked."
    )
    fetched_at: datetime | None
    age_seconds: float | None
    problem: ProblemDetails | None = Field(
        default=None, description="Why the Hub was not asked, where it should have been."
    )


class ModelPage(Freshness):
    """Models that were found, one page."""

    items: list[ModelSummary]
    next_cursor: str | None = None


class FileEntry(BaseModel):
    """One file of a model."""

    path: str
    size_bytes: int
    sha256: str | None = Field(description="Of its content; null for small files kept in git.")


class HubFile(FileEntry):
    """One file of a repository on the hub."""

    git_blob_id: str = Field(description="Git's id: of the content, or of an LFS file's pointer.")


class Listing(BaseModel):
    """Every file of one commit."""

    repo: str
    commit: str = Field(description="The commit that the revision meant just now.")
    files: list[HubFile]

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)


class Finding(BaseModel):
    """Something about a model that keeps it from being served as it is, and the way out."""

    code: FindingCode
    detail: str
    remediation: list[Remedy] = Field(default_factory=list[Remedy])


class ModelDetails(Freshness):
    """A model at one commit."""

    model: ModelSummary
    revision: str
    commit: str
    url: str = Field(description="Its page on the Hub, where a licence is accepted.")
    config: dict[str, Any] | None = Field(description="`config.json`; null where it can't be read.")
    context_tokens: int | None = Field(description="The longest context it was made for.")
    weight_format: WeightFormat
    weights_bytes: int | None = Field(description="Of the files that the engine loads.")
    files_count: int
    files_bytes: int
    dtypes: dict[str, int] | None = Field(description="Parameters by dtype.")
    findings: list[Finding] = Field(description="Empty: nothing is known against serving it.")


class ModelCard(BaseModel):
    """What its makers say of a model: Markdown, without the metadata at its head."""

    repo: str
    revision: str
    text: str
    truncated: bool = Field(description="It was longer than 256 KiB and is cut.")


class ModelFacts(BaseModel):
    """The values that a judgement of a model needs, wherever it lies. Unknown is null."""

    source: Literal["hub", "cache", "folder", "demo"]
    repo: str | None
    revision: str | None
    commit: str | None
    folder: str | None = Field(description="Where it lies on this machine; null on the hub.")
    config: dict[str, Any]
    generation_config: dict[str, Any] | None
    parameters: dict[str, int] | None = Field(
        description="How many by dtype, as safetensors names dtypes."
    )
    weights_bytes: int | None = Field(description="Sum of all tensors that the engine loads.")
    weight_format: WeightFormat
    files: list[FileEntry]
    architectures: list[str]
    supported: bool | None
    license: str | None
    gate: Gate | None
    has_auto_map: bool
    context_tokens: int | None


class TokenPut(BaseModel):
    """A Hugging Face token to keep."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"token": "hf_…"}]})

    token: Annotated[SecretStr, Field(min_length=8, max_length=512)]


class TokenView(BaseModel):
    """What may be shown of a token: never the token."""

    scope: Scope
    is_set: bool
    last_four: str | None = Field(default=None, description="Its last four characters.")
    set_at: datetime | None = None
    account: str | None = Field(default=None, description="Whose it was when last tested.")
    tested_at: datetime | None = None
    in_force: Scope | None = Field(
        default=None, description="Whose token is used for you: your own before the installation's."
    )


class TokenTest(BaseModel):
    """What the Hub says about the token that is in force for you."""

    scope: Scope
    account: str
    kind: str | None = Field(description="`read`, `write` or `fineGrained`.")
    organisations: list[str]
