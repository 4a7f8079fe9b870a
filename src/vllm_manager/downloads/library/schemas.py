"""What models on disk look like to a client."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue

from vllm_manager.downloads.schemas import Repo
from vllm_manager.kit.paging import Page
from vllm_manager.operations import Operation

State = Literal["complete", "partial", "broken"]
_COMMIT = "c1899de289a04d12100db370d81485cdf75e47ca"
_SNAPSHOT = f"models--Qwen--Qwen3-0.6B/snapshots/{_COMMIT}"
_MODEL: dict[str, JsonValue] = {
    "id": f"Qwen--Qwen3-0.6B@{_COMMIT}",
    "repo": "Qwen/Qwen3-0.6B",
    "commit": _COMMIT,
    "revisions": ["main"],
    "source": "hub",
    "folder": f"/srv/models/{_SNAPSHOT}",
    "state": "complete",
    "reasons": [],
    "size_bytes": 1519258014,
    "freed_bytes": 1519258014,
    "files_count": 9,
    "last_used_at": "2026-11-23T10:00:00Z",
    "last_used_by": "engine",
    "modified_at": "2026-11-20T08:30:00Z",
    "used_by": ["chat"],
}


class LibraryFile(BaseModel):
    """One file of a model on disk."""

    path: str
    size_bytes: int | None = Field(description="Null where its contents are missing.")
    checksum: str | None = Field(
        description="What its name in the cache says: sha256 of files in LFS, else git's blob id."
    )
    problem: str | None


class LibraryModel(BaseModel):
    """One revision of a model on disk."""

    model_config = ConfigDict(json_schema_extra={"examples": [_MODEL]})

    id: str
    repo: str = Field(description="`organisation/name`, or `local/name` of an imported folder.")
    commit: str | None = Field(description="Null where a download left no snapshot.")
    revisions: list[str] = Field(description="Branches and tags that were this commit.")
    source: Literal["hub", "local"]
    folder: str | None = Field(description="What an engine is given.")
    state: State = Field(
        description="`complete`: an engine can load it. `partial`: something is missing. "
        "`broken`: something is damaged."
    )
    reasons: list[str] = Field(description="What is missing or damaged.")
    size_bytes: int = Field(description="Its files; equal ones count once.")
    freed_bytes: int = Field(
        description="What deleting it frees: files that another revision shares stay."
    )
    files_count: int
    last_used_at: datetime | None
    last_used_by: Literal["engine", "file_access"] | None = Field(
        description="`engine`: an engine was started with it; `file_access`: when its files were "
        "last read, as far as the file system keeps that."
    )
    modified_at: datetime | None
    used_by: list[str] = Field(description="Deployments that name it.")


class LibraryModelDetails(LibraryModel):
    """A model on disk with its files."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_MODEL,
                    "files": [
                        {
                            "path": "config.json",
                            "size_bytes": 726,
                            "checksum": "6b2b2e10d0e5c2e5a4ff1b3e6d2dbb2f3e9d5a11",
                            "problem": None,
                        }
                    ],
                }
            ]
        }
    )

    files: list[LibraryFile]


class LibraryPage(Page[LibraryModel]):
    """A page of models, and what all of them take."""

    total_bytes: int = Field(
        description="On disk, of the whole library: what revisions share counts once."
    )


class AdoptableModel(BaseModel):
    """A model in this machine's own Hugging Face cache."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "repo": "Qwen/Qwen3-0.6B",
                    "commit": _COMMIT,
                    "revisions": ["main"],
                    "folder": f"/home/ada/.cache/huggingface/hub/{_SNAPSHOT}",
                    "state": "complete",
                    "reasons": [],
                    "size_bytes": 1519258014,
                    "how": "link",
                    "is_adopted": False,
                }
            ]
        }
    )

    repo: str
    commit: str | None
    revisions: list[str]
    folder: str
    state: State = Field(description="Only what is `complete` can be adopted.")
    reasons: list[str]
    size_bytes: int
    how: Literal["link", "copy"] = Field(
        description="`link`: on the same file system, so it takes no further space; `copy`."
    )
    is_adopted: bool = Field(description="The library has this commit already.")


def _is_one_name(name: str) -> str:
    if ".." in name or "--" in name or name.endswith((".", "-", ".git")):
        raise ValueError("It holds “..” or “--”, or ends in “.”, “-” or “.git”.")
    return name


Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$|^[0-9a-f]{64}$")]


class AdoptRequest(BaseModel):
    """A model of the machine's own Hugging Face cache to take in."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"repo": "Qwen/Qwen3-0.6B"}]}
    )

    repo: Repo
    commit: Commit | None = Field(default=None, description="Null: the one that `main` names.")


class ImportRequest(BaseModel):
    """A folder of this machine to take in as `local/<name>`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"path": "/data/my-model", "name": "my-model"}]},
    )

    path: Annotated[
        str,
        Field(
            pattern=r"^/[^\x00-\x1f\x7f]*$",
            max_length=4096,
            description="Absolute path on the server.",
        ),
    ]
    name: Annotated[
        str,
        Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,95}$"),
        AfterValidator(_is_one_name),
    ]


class VerifyRequest(BaseModel):
    """How to check a model's files."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"refetch": True}]})

    refetch: bool = Field(
        default=False,
        description="Remove files whose checksum is wrong and fetch them again from the Hub.",
    )


class LibraryAccepted(BaseModel):
    """Long work on the library that was accepted."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "operation": {
                        "id": "op_01kb2m3n4p5q6r7s8t9v0w1x2y",
                        "kind": "model.verify",
                        "subject": "Qwen/Qwen3-0.6B@c1899de289a0",
                        "status": "running",
                        "progress": 0.25,
                        "message": "Checking model.safetensors",
                        "error": None,
                        "created_at": "2026-11-23T10:00:00Z",
                        "updated_at": "2026-11-23T10:00:02Z",
                        "finished_at": None,
                    }
                }
            ]
        }
    )

    operation: Operation


class LibraryDeleted(BaseModel):
    """What a deletion did."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"freed_bytes": 1519258014}]})

    freed_bytes: int
