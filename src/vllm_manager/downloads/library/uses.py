"""Who uses a model on disk: what the library is told of deployments."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from vllm_manager.downloads.library.scan import FoundModel, FoundRevision


@dataclass(frozen=True, slots=True)
class Use:
    """One deployment's claim on a model."""

    deployment: str
    model: str
    """What the deployment names: `organisation/name`, `local/name`, or an absolute path."""

    revision: str | None
    """Commit, tag or branch; None for the default branch."""

    last_used_at: datetime | None = None
    """When an engine last started with it; None where none has."""


Uses = Callable[[], Awaitable[Sequence[Use]]]


def uses_of(model: FoundModel, revision: FoundRevision, uses: Sequence[Use]) -> Sequence[Use]:
    """Return those that need this revision (pure).

    A use whose revision is not on disk needs none of it: it will be fetched.
    """
    return [use for use in uses if _needs(model, revision, use)]


def _needs(model: FoundModel, revision: FoundRevision, use: Use) -> bool:
    if use.model.startswith("/"):
        return use.model.rstrip("/") == str(revision.path)
    if use.model != model.repo:
        return False
    wanted = use.revision or "main"
    return wanted == revision.commit or wanted in revision.refs
