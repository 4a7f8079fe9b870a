"""The port to the models on disk, and those on their way: what a deployment needs of them."""

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path, PurePath
from typing import Final, Protocol

from pydantic import ValidationError

from vllm_manager.deployments.observed import Failure, Fetch
from vllm_manager.deployments.tables import DeploymentRow
from vllm_manager.downloads.schemas import Download, DownloadRequest
from vllm_manager.kit.errors import Problem, ProblemDetails, Remedy

DEMO: Final = "demo"


class Models(Protocol):
    """Finds models of the Hub in the store, and has those fetched that are not there."""

    async def folder(self, model: str, revision: str | None) -> Path | None:
        """Return the folder of a complete model; None where it is not here."""
        ...

    async def begin(self, model: str, revision: str | None) -> Fetch:
        """Have a model fetched for a start that a person asked for.

        What has failed or was cancelled begins again; what a person has paused stays paused.
        """
        ...

    async def look(self, model: str, revision: str | None) -> Fetch:
        """Say how far the model is, and change nothing."""
        ...


@dataclass(frozen=True, slots=True)
class ModelUse:
    """One deployment's claim on a model."""

    deployment: str
    model: str
    revision: str | None
    """Commit, tag or branch; None for the default branch."""
    last_used_at: datetime | None
    """When its engine last was ready; now where it is; None where it never was."""


def uses_of(row: DeploymentRow, last_used_at: datetime | None) -> list[ModelUse]:
    """Return what a row names, and the commit that its engines read from, where it is another."""
    uses = [ModelUse(row.name, row.spec["model"], row.spec["revision"], last_used_at)]
    applied = row.applied or {}
    if row.desired == "running" and "folder" in applied:
        commit = PurePath(applied["folder"]).name
        uses.append(ModelUse(row.name, applied["spec"]["model"], commit, last_used_at))
    return uses


def needs_folder(model: str) -> bool:
    """Whether a model is named by the Hub's or the library's id: its folder is looked up."""
    return model != DEMO and not model.startswith("/")


class DownloadFace(Protocol):
    """What is asked of the downloads."""

    async def create(self, asked: DownloadRequest, user: None) -> Download: ...

    async def ensure(self, repo: str, revision: str = "main") -> Download: ...

    async def state_of(self, repo: str, revision: str = "main") -> Download | None: ...


class LibraryFace(Protocol):
    """What is asked of the library."""

    async def resolve(self, repo: str, revision: str | None = None) -> Path | None: ...


@dataclass(frozen=True, slots=True)
class StoredModels:
    """The library and the downloads of this installation."""

    library: LibraryFace
    downloads: DownloadFace

    async def folder(self, model: str, revision: str | None) -> Path | None:
        return await self.library.resolve(model, revision)

    async def begin(self, model: str, revision: str | None) -> Fetch:
        if model.startswith("local/"):
            return _not_in_library(model)
        name = revision or "main"
        try:
            asked = DownloadRequest(repo=model, revision=name)
        except ValidationError:
            return _no_name(model, name)
        known = await self.downloads.state_of(model, name)
        if known is not None and known.state not in ("failed", "cancelled", "succeeded"):
            return fetch_of(await self.downloads.ensure(model, name))
        return fetch_of(await self.downloads.create(asked, None))

    async def look(self, model: str, revision: str | None) -> Fetch:
        if model.startswith("local/"):
            return _not_in_library(model)
        known = await self.downloads.state_of(model, revision or "main")
        return _vanished(model) if known is None else fetch_of(known)


def fetch_of(download: Download) -> Fetch:
    """Return what a deployment shows of its model's download (pure)."""
    fetch = Fetch(
        state="queued",
        download_id=download.id,
        bytes_done=download.bytes_done,
        bytes_total=download.bytes_total,
        bytes_per_second=download.bytes_per_second,
        eta_seconds=download.eta_seconds,
        stalled=download.stalled,
    )
    match download.state:
        case "queued" | "listing":
            words = f"{download.repo}: {download.message or 'its download waits for its turn.'}"
            return replace(fetch, message=words)
        case "running" | "verifying":
            return replace(fetch, state=download.state, message=_under_way(download, fetch))
        case "paused":
            words = f"The download of {download.repo} is paused. Resume it, and the start goes on."
            return replace(fetch, state="paused", message=words)
        case "failed":
            return replace(fetch, state="failed", failure=_failed(download))
        case "cancelled":
            return replace(fetch, state="failed", failure=_cancelled(download))
        case "succeeded":
            return replace(fetch, state="failed", failure=_incomplete(download))


def _under_way(download: Download, fetch: Fetch) -> str:
    doing = "Checking" if download.state == "verifying" else "Fetching"
    share = "" if fetch.share is None else f", {100 * fetch.share:.0f} %"
    stalled = " The Hub sends nothing at the moment." if download.stalled else ""
    return f"{doing} {download.repo}{share}.{stalled}"


def _failed(download: Download) -> Failure:
    problem = download.error
    code = problem.code if problem else "download_failed"
    detail = problem.detail if problem else f"The download of {download.repo} failed."
    return Failure(code, detail, problem=_with_way_out(problem, code, detail))


def _with_way_out(problem: ProblemDetails | None, code: str, detail: str) -> ProblemDetails:
    """Return the download's problem with what to do about the deployment."""
    known = problem or Problem(code, detail, status=503).details
    remedies = [*known.remediation, _SEE, _AGAIN]
    return known.model_copy(update={"remediation": remedies})


_AGAIN: Final = Remedy(
    label="Start the deployment again, which retries the download", action="restart"
)
_SEE: Final = Remedy(label="See the downloads", action="open", arguments={"path": "/downloads"})


def _cancelled(download: Download) -> Failure:
    detail = f"The download of {download.repo} was cancelled, so its files are not here."
    problem = Problem("download_cancelled", detail, status=409, remediation=[_AGAIN])
    return Failure("download_cancelled", detail, problem=problem.details)


def _incomplete(download: Download) -> Failure:
    detail = (
        f"{download.repo} was fetched, but is no longer complete in the store. Start the "
        "deployment again to fetch what is missing."
    )
    problem = Problem("model_incomplete", detail, status=409, remediation=[_SEE, _AGAIN])
    return Failure("model_incomplete", detail, problem=problem.details)


def _vanished(model: str) -> Fetch:
    detail = f"The download of {model} is gone, and its files are not here."
    return _never(Problem("download_cancelled", detail, status=409, remediation=[_AGAIN]))


def _not_in_library(model: str) -> Fetch:
    detail = f"There is no complete model “{model}” in the library."
    remedies = [
        Remedy(
            label="Import the folder again, or choose a model of the library",
            action="open",
            arguments={"path": "/library"},
        ),
        Remedy(label="Start the deployment again", action="restart"),
    ]
    return _never(Problem("model_not_found", detail, status=404, remediation=remedies))


def _no_name(model: str, revision: str) -> Fetch:
    detail = f"“{model}” at “{revision}” is no name that the Hub gives to a model."
    remedies = [Remedy(label="Correct the model's name or revision")]
    return _never(Problem("model_not_found", detail, status=422, remediation=remedies))


def _never(problem: Problem) -> Fetch:
    """Return what becomes of a model that won't come."""
    failure = Failure(problem.code, problem.details.detail, problem=problem.details)
    return Fetch(state="failed", failure=failure)
