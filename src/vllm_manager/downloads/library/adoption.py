"""Takes models in that lie in the machine's own Hugging Face cache; blocks."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vllm_manager.downloads.layout import ModelFolder
from vllm_manager.downloads.library.files import (
    copy,
    existing,
    link,
    refuse_if_too_large,
    same_file_system,
)
from vllm_manager.downloads.library.holding import held
from vllm_manager.downloads.library.scan import (
    FoundFile,
    FoundModel,
    FoundRevision,
    folder_of,
    read_model,
    scan,
)
from vllm_manager.downloads.library.work import Progress
from vllm_manager.downloads.patterns import choose
from vllm_manager.kit.errors import Problem, Remedy

_DEFAULT_HOME: Final = "~/.cache/huggingface"


@dataclass(frozen=True, slots=True)
class Adoptable:
    """A revision in one of the machine's caches, and how it would be taken in."""

    model: FoundModel
    revision: FoundRevision
    by_link: bool
    is_adopted: bool


def caches(environment: Mapping[str, str]) -> Sequence[Path]:
    """Return where this machine's other tools keep models, as huggingface_hub looks for it."""
    home = environment.get("HF_HOME")
    if home is None and (cache := environment.get("XDG_CACHE_HOME")):
        home = f"{cache}/huggingface"
    hub = environment.get("HF_HUB_CACHE") or environment.get("HUGGINGFACE_HUB_CACHE")
    found = Path(hub) if hub else Path(home or _DEFAULT_HOME) / "hub"
    return [Path(os.path.expandvars(found)).expanduser()]


def adoptable(sources: Sequence[Path], store: Path) -> Iterator[Adoptable]:
    """Yield every revision in the caches, what can't be adopted included."""
    for source in sources:
        if existing(source).resolve() == store.resolve():
            continue
        for model in scan(source):
            known = read_model(folder_of(store, model.repo))
            for revision in model.revisions:
                yield Adoptable(
                    model,
                    revision,
                    same_file_system(source, store),
                    _has(known, revision.commit),
                )


def pick(sources: Sequence[Path], store: Path, repo: str, commit: str | None) -> Adoptable:
    """Return the revision to adopt.

    Raises:
        Problem: there is none (404), it is not whole (409), or it is here already (409).
    """
    found = [one for one in adoptable(sources, store) if one.model.repo == repo]
    named = [one for one in found if _is_named(one, commit)]
    if not named:
        known = ", ".join(one.revision.commit or "unfinished" for one in found)
        hint = f" There is: {known}." if known else ""
        where = ", ".join(map(str, sources))
        raise Problem(
            "model_not_in_cache",
            f"There is no {repo}{f' at {commit}' if commit else ''} in {where}.{hint}",
            status=404,
        )
    one = named[0]
    if one.revision.state != "complete":
        raise Problem(
            "model_incomplete",
            f"{repo} in the cache is {one.revision.state}: {'; '.join(one.revision.reasons)}.",
            status=409,
            remediation=[Remedy(label=f"Download it instead: vllm-manager pull {repo}")],
        )
    if one.is_adopted:
        detail = f"{repo} at {one.revision.commit} is in the library already."
        raise Problem("model_exists", detail, status=409)
    return one


def adopt(one: Adoptable, store: Path, progress: Progress) -> str:
    """Link or copy a revision's files into the store; return how it went.

    Raises:
        Problem: the disk is too small, or a download works in the folder.
        OSError: the disk refused.
    """
    chosen = choose(one.revision.files, None)
    repo, commit = one.model.repo, one.revision.commit
    assert commit is not None
    folder = ModelFolder(store, repo)
    with held(store, repo) as claim:
        folder.prepare()
        total = sum(file.size_bytes or 0 for file in chosen)
        progress.bytes_total = total
        if not one.by_link:
            refuse_if_too_large(store, total)
        names: list[tuple[str, str]] = []
        linked = 0
        for file in chosen:
            progress.message = f"Taking in {file.path}"
            claim.touch()
            name, is_link = _take(file, folder, progress)
            linked += is_link
            names.append((file.path, name))
        for revision in one.revision.refs or (commit,):
            folder.publish(commit, revision, names)
    how = "linked" if linked == len(chosen) else "copied" if not linked else "linked or copied"
    return f"{len(chosen)} files were {how}."


def _take(file: FoundFile, folder: ModelFolder, progress: Progress) -> tuple[str, bool]:
    """Return the name of the blob that a file became, and whether it took no space."""
    source = file.place.resolve()
    if file.blob is not None:
        blob = folder.blob(file.blob)
        if blob.exists() and blob.stat().st_size != file.size_bytes:
            blob.unlink()
        if blob.exists() or link(source, blob):
            progress.advance(file.size_bytes or 0)
            return file.blob, True
    digest, _ = copy(source, folder.blobs, progress.advance)
    if file.blob is None or len(file.blob) == len(digest):
        _refuse_if_other(file, digest, folder)
        return digest, False
    folder.blob(digest).replace(folder.blob(file.blob))  # named by git's id, as the Hub names it
    return file.blob, False


def _refuse_if_other(file: FoundFile, digest: str, folder: ModelFolder) -> None:
    if file.blob is None or file.blob == digest:
        return
    folder.blob(digest).unlink(missing_ok=True)
    raise Problem(
        "model_damaged",
        f"{file.path} in the cache is not what its checksum says; nothing of it was taken in.",
        status=422,
        remediation=[Remedy(label="Download the model instead.")],
    )


def _has(known: FoundModel | None, commit: str | None) -> bool:
    found = known.find(commit) if known is not None and commit is not None else None
    return found is not None and found.state == "complete"


def _is_named(one: Adoptable, commit: str | None) -> bool:
    if commit is not None:
        return one.revision.commit == commit
    return "main" in one.revision.refs or len(one.model.revisions) == 1
