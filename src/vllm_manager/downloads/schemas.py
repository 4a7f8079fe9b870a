"""What downloads look like to a client."""

from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue

from vllm_manager.kit.errors import ProblemDetails

DownloadState = Literal[
    "queued", "listing", "running", "paused", "verifying", "succeeded", "failed", "cancelled"
]
OPEN_STATES: tuple[DownloadState, ...] = ("queued", "listing", "running", "verifying", "paused")
ACTIVE_STATES: tuple[DownloadState, ...] = ("queued", "listing", "running", "verifying")
FileState = Literal["waiting", "running", "verifying", "done"]

REPO_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,95}/[A-Za-z0-9][A-Za-z0-9_.-]{0,95}$"
REVISION_PATTERN: Final = r"^[A-Za-z0-9_][A-Za-z0-9_./-]{0,127}$"
FILES_IN_DETAILS: Final = 500


def _climbs_nowhere(name: str) -> str:
    """Refuse what the Hub itself refuses, and what would not be one folder's name on disk."""
    if ".." in name or "--" in name or name.endswith((".git", ".", "/", "-")):
        raise ValueError("It holds “..” or “--”, or ends in a way that the Hub doesn't allow.")
    return name


def _names_a_revision(name: str) -> str:
    if ".." in name or "//" in name or name.endswith(("/", ".lock", ".")):
        raise ValueError("A revision is a commit, a tag or a branch.")
    return name


def _is_a_plain_pattern(pattern: str) -> str:
    if not pattern.isprintable() or "\\" in pattern or ".." in pattern or pattern.startswith("/"):
        raise ValueError("A pattern is a name of a file in the repository; * stands for anything.")
    return pattern


Pattern = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_is_a_plain_pattern)]
Repo = Annotated[
    str,
    Field(pattern=REPO_PATTERN, description="`organisation/name` on the Hub."),
    AfterValidator(_climbs_nowhere),
]
Revision = Annotated[
    str,
    Field(pattern=REVISION_PATTERN, description="Commit, tag or branch."),
    AfterValidator(_names_a_revision),
]
Priority = Annotated[
    int, Field(ge=-100, le=100, description="Of those that wait, the highest is next.")
]

_EXAMPLE: dict[str, JsonValue] = {
    "id": "dl_01kb2m3n4p5q6r7s8t9v0w1x2y",
    "repo": "Qwen/Qwen3-0.6B",
    "revision": "main",
    "commit": "c1899de289a04d12100db370d81485cdf75e47ca",
    "include": None,
    "state": "running",
    "stalled": False,
    "message": None,
    "bytes_done": 751828992,
    "bytes_total": 1519258014,
    "bytes_per_second": 94371840.0,
    "eta_seconds": 8.1,
    "files_done": 7,
    "files_total": 9,
    "priority": 0,
    "error": None,
    "operation_id": "op_01kb2m3n4p5q6r7s8t9v0w1x2z",
    "created_by": "admin",
    "created_at": "2026-11-23T10:00:00Z",
    "updated_at": "2026-11-23T10:00:08Z",
    "finished_at": None,
}


_FILE: dict[str, JsonValue] = {
    "path": "model.safetensors",
    "size_bytes": 1503300328,
    "bytes_done": 735870976,
    "state": "running",
}


class DownloadRequest(BaseModel):
    """A model to fetch from the Hub."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"repo": "Qwen/Qwen3-0.6B", "revision": "main"}]},
    )

    repo: Repo
    revision: Revision = "main"
    include: list[Pattern] | None = Field(
        default=None,
        max_length=50,
        description="Names of files, `*` stands for anything. Null: what the engine needs, which "
        "is weights as safetensors, configuration, tokenizer and chat template.",
    )
    priority: Priority = 0


class DownloadChange(BaseModel):
    """What may be changed of a download."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"priority": 10}]})

    priority: Priority


class DownloadFile(BaseModel):
    """One file of a download."""

    model_config = ConfigDict(json_schema_extra={"examples": [_FILE]})

    path: str = Field(description="Its name in the repository.")
    size_bytes: int
    bytes_done: int = Field(description="Bytes of it that are on disk.")
    state: FileState


class Download(BaseModel):
    """A model on its way here, or that came, or that did not."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: str
    repo: str
    revision: str = Field(description="What was asked for.")
    commit: str | None = Field(
        description="What that was when the files were listed; null before that."
    )
    include: list[str] | None = Field(description="Patterns of files; null for the usual ones.")
    state: DownloadState
    stalled: bool = Field(description="Running, but no byte has come for some seconds.")
    message: str | None = Field(description="What it waits for, where it waits.")
    bytes_done: int = Field(description="Bytes on disk, from earlier attempts included.")
    bytes_total: int | None = Field(description="Null until the files are listed.")
    bytes_per_second: float | None = Field(
        description="Over the last seconds; 0 when nothing comes, null when it does not run."
    )
    eta_seconds: float | None = Field(description="Null where it can't be known.")
    files_done: int
    files_total: int | None = Field(description="Null until the files are listed.")
    priority: int
    error: ProblemDetails | None = Field(description="Why it failed.")
    operation_id: str
    created_by: str | None = Field(description="Who asked for it; null where a deployment did.")
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None


class DownloadDetails(Download):
    """A download with its files."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_EXAMPLE,
                    "files": [
                        {
                            "path": "model.safetensors",
                            "size_bytes": 1503300328,
                            "bytes_done": 735870976,
                            "state": "running",
                        }
                    ],
                }
            ]
        }
    )

    files: list[DownloadFile] = Field(
        description=f"The first {FILES_IN_DETAILS}; the rest is at `/downloads/{{id}}/files`."
    )
