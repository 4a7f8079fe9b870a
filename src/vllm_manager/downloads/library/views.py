"""What a client sees of models on disk, made of what was found (pure)."""

from collections.abc import Sequence
from datetime import UTC, datetime

from vllm_manager.downloads.library.adoption import Adoptable
from vllm_manager.downloads.library.importing import OWNER
from vllm_manager.downloads.library.scan import FoundModel, FoundRevision
from vllm_manager.downloads.library.schemas import (
    AdoptableModel,
    LibraryFile,
    LibraryModel,
    LibraryModelDetails,
)
from vllm_manager.downloads.library.uses import Use
from vllm_manager.downloads.library.verifying import identity


def to_model(model: FoundModel, revision: FoundRevision, uses: Sequence[Use]) -> LibraryModel:
    """Return a revision as a client sees it."""
    started = max((use.last_used_at for use in uses if use.last_used_at), default=None)
    read = _moment([file.accessed for file in revision.files])
    return LibraryModel(
        id=identity(model, revision),
        repo=model.repo,
        commit=revision.commit,
        revisions=list(revision.refs),
        source="local" if model.repo.startswith(f"{OWNER}/") else "hub",
        folder=str(revision.path) if revision.path else None,
        state=revision.state,
        reasons=list(revision.reasons),
        size_bytes=revision.size_bytes,
        freed_bytes=model.freed_by(revision),
        files_count=len(revision.files),
        last_used_at=started or read,
        last_used_by="engine" if started else "file_access" if read else None,
        modified_at=_moment([file.modified for file in revision.files]),
        used_by=sorted({use.deployment for use in uses}),
    )


def to_details(
    model: FoundModel, revision: FoundRevision, uses: Sequence[Use]
) -> LibraryModelDetails:
    """Return a revision with its files."""
    files = [
        LibraryFile(path=f.path, size_bytes=f.size_bytes, checksum=f.blob, problem=f.problem)
        for f in revision.files
    ]
    return LibraryModelDetails(**to_model(model, revision, uses).model_dump(), files=files)


def to_adoptable(one: Adoptable) -> AdoptableModel:
    """Return a revision of another cache."""
    return AdoptableModel(
        repo=one.model.repo,
        commit=one.revision.commit,
        revisions=list(one.revision.refs),
        folder=str(one.revision.path or one.model.path),
        state=one.revision.state,
        reasons=list(one.revision.reasons),
        size_bytes=one.revision.size_bytes,
        how="link" if one.by_link else "copy",
        is_adopted=one.is_adopted,
    )


def _moment(seconds: Sequence[float]) -> datetime | None:
    """Return the newest of some times; None where none is known."""
    newest = max(seconds, default=0.0)
    return datetime.fromtimestamp(newest, UTC) if newest else None
