"""What is on disk, checked, deleted, adopted and imported; what deployments ask of it."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

from vllm_manager.downloads.library import adoption, importing
from vllm_manager.downloads.library.deleting import delete
from vllm_manager.downloads.library.scan import (
    FoundModel,
    FoundRevision,
    folder_of,
    read_model,
    repo_of,
    scan,
)
from vllm_manager.downloads.library.schemas import (
    AdoptableModel,
    AdoptRequest,
    ImportRequest,
    LibraryModelDetails,
    LibraryPage,
)
from vllm_manager.downloads.library.uses import Uses, uses_of
from vllm_manager.downloads.library.verifying import identity, verify
from vllm_manager.downloads.library.views import to_adoptable, to_details, to_model
from vllm_manager.downloads.library.work import Progress, Work
from vllm_manager.downloads.schemas import REPO_PATTERN
from vllm_manager.kit.errors import Problem, Remedy, not_found
from vllm_manager.kit.loops import Loop
from vllm_manager.kit.paging import Page, cut, decode_cursor
from vllm_manager.operations import Operation

Fetch = Callable[[str, str], Awaitable[object]]
"""Begins the download of a model's revision."""

_REPO: Final = re.compile(REPO_PATTERN)
_DEFAULT_REVISION: Final = "main"


class Library:
    """Models on disk. `sources` are the machine's own Hugging Face caches."""

    def __init__(
        self,
        store: Path,
        sources: Sequence[Path],
        work: Work,
        uses: Uses,
        fetch: Fetch,
        tend_seconds: float,
    ) -> None:
        self._store = store
        self._sources = sources
        self._uses = uses
        self._fetch = fetch
        self._work = work
        self._tending = Loop("library", work.tend, tend_seconds)

    async def start(self) -> None:
        """Close what an earlier process left open, and watch over what is under way."""
        await self._work.tend()
        self._tending.start()

    async def stop(self) -> None:
        """End what is under way; nothing half-done is shown as a model."""
        await self._work.close()
        await self._tending.stop()

    async def resolve(self, repo: str, revision: str | None = None) -> Path | None:
        """Return the folder of a complete model; None where it is not here, or not whole."""
        if not _REPO.fullmatch(repo):
            return None
        model = await asyncio.to_thread(read_model, folder_of(self._store, repo))
        found = model.find(revision or _DEFAULT_REVISION) if model is not None else None
        return found.path if found is not None and found.state == "complete" else None

    async def list(self, limit: int, cursor: str | None = None) -> LibraryPage:
        """Return a page of the models on disk, by name."""
        after = decode_cursor(cursor)
        models, uses = await asyncio.gather(self._scan(), self._uses())
        found = sorted(
            (to_model(m, r, uses_of(m, r, uses)) for m in models for r in m.revisions),
            key=lambda one: one.id,
        )
        left = [one for one in found if after is None or one.id > after][: limit + 1]
        page, next_cursor = cut(left, limit, [one.id for one in left])
        total = sum(model.size_bytes for model in models)
        return LibraryPage(items=page, next_cursor=next_cursor, total_bytes=total)

    async def get(self, model_id: str) -> LibraryModelDetails:
        """Return one revision with its files.

        Raises:
            Problem: it is not here (404).
        """
        model, revision = await self._find(model_id)
        return to_details(model, revision, uses_of(model, revision, await self._uses()))

    async def verify(self, model_id: str, *, refetch: bool = False) -> Operation:
        """Hash a revision's files anew, as an operation that fails naming those that are wrong.

        Raises:
            Problem: it is not here (404), or other work on it is under way (409).
        """
        model, revision = await self._find(model_id)
        commit = revision.commit
        again = refetch and commit is not None and not model.repo.startswith(f"{importing.OWNER}/")

        def piece(progress: Progress) -> str:
            return verify(model, revision, again, progress)

        async def after(problem: Problem | None) -> None:
            if again and commit is not None and problem and problem.code == "model_damaged":
                await self._fetch(model.repo, commit)

        return await self._work.begin("model.verify", _subject(model.repo, commit), piece, after)

    async def delete(self, model_id: str) -> int:
        """Remove a revision; return the bytes that were freed.

        Raises:
            Problem: it is not here (404), or deployments use it (409, `model_in_use`).
        """
        model, revision = await self._find(model_id)
        users = uses_of(model, revision, await self._uses())
        if users:
            raise _in_use(model, sorted({use.deployment for use in users}))
        return await asyncio.to_thread(delete, self._store, model, revision.commit)

    async def adoptable(self) -> Page[AdoptableModel]:
        """Return what the machine's own Hugging Face caches hold."""

        def found() -> list[AdoptableModel]:
            return [to_adoptable(one) for one in adoption.adoptable(self._sources, self._store)]

        return Page(items=await asyncio.to_thread(found))

    async def adopt(self, asked: AdoptRequest) -> Operation:
        """Take a model in from a cache, as an operation.

        Raises:
            Problem: it is not there (404), not whole, or here already (409).
        """
        one = await asyncio.to_thread(
            adoption.pick, self._sources, self._store, asked.repo, asked.commit
        )

        def piece(progress: Progress) -> str:
            return adoption.adopt(one, self._store, progress)

        subject = _subject(one.model.repo, one.revision.commit)
        return await self._work.begin("model.adopt", subject, piece)

    async def import_folder(self, asked: ImportRequest) -> Operation:
        """Take a folder in as `local/<name>`, as an operation; what it holds is looked at first.

        Raises:
            Problem: the folder is no model that may be loaded.
        """
        path, repo = Path(asked.path), f"{importing.OWNER}/{asked.name}"
        files = await asyncio.to_thread(importing.examine, path)

        def piece(progress: Progress) -> str:
            return importing.take_in(path, files, self._store, repo, progress)

        return await self._work.begin("model.import", repo, piece)

    async def _scan(self) -> Sequence[FoundModel]:
        return await asyncio.to_thread(lambda: list(scan(self._store)))

    async def _find(self, model_id: str) -> tuple[FoundModel, FoundRevision]:
        name, _, commit = model_id.rpartition("@")
        repo = name.replace("--", "/", 1)
        if _REPO.fullmatch(repo):
            model = await asyncio.to_thread(read_model, folder_of(self._store, repo))
            for revision in model.revisions if model is not None else ():
                assert model is not None
                if identity(model, revision) == f"{name}@{commit}":
                    return model, revision
        raise not_found("model", model_id, [repo_of(m.path) for m in await self._scan()])


def _subject(repo: str, commit: str | None) -> str:
    """Name it so that a download of the same revision is another subject."""
    return f"{repo}@{(commit or 'unfinished')[:12]}"


def _in_use(model: FoundModel, users: Sequence[str]) -> Problem:
    names = ", ".join(users)
    return Problem(
        "model_in_use",
        f"{model.repo} is used by {names}. Delete those first, or give them another model.",
        status=409,
        remediation=[
            Remedy(label=f"See {user}", action="open", arguments={"path": f"/deployments/{user}"})
            for user in users[:5]
        ],
    )
