"""Hashes a model's files anew and says which are not what they should be; blocks."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vllm_manager.downloads.library.files import checksum
from vllm_manager.downloads.library.scan import FoundFile, FoundModel, FoundRevision
from vllm_manager.downloads.library.stains import stain, unstain
from vllm_manager.downloads.library.work import Progress
from vllm_manager.kit.errors import Cause, Problem, Remedy


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of it."""

    wrong: Sequence[FoundFile]
    unknown: Sequence[FoundFile]
    """Files whose names say no checksum, as on systems without links."""


def verify(model: FoundModel, revision: FoundRevision, refetch: bool, progress: Progress) -> str:
    """Check every file of a revision; return what was found, in a sentence.

    A wrong file is remembered, and removed where it is to be fetched again.

    Raises:
        Problem: files are missing or wrong (`model_damaged`); it names them.
    """
    progress.bytes_total = revision.size_bytes
    checked = _check(model.path, revision, progress)
    missing = [file for file in revision.files if file.size_bytes is None or file.problem]
    if checked.wrong or missing:
        if refetch:
            for file in checked.wrong:
                file.place.unlink(missing_ok=True)
        raise _damaged(model, revision, checked.wrong, missing, refetch)
    count = len(revision.files) - len(checked.unknown)
    said = f"{count} files are what their checksums say."
    if checked.unknown:
        names = ", ".join(file.path for file in checked.unknown[:3])
        said += f" {len(checked.unknown)} have no known checksum: {names}."
    return said


def _check(folder: Path, revision: FoundRevision, progress: Progress) -> Checked:
    wrong: list[FoundFile] = []
    unknown: list[FoundFile] = []
    judged: dict[str, bool] = {}
    for file in revision.files:
        if file.size_bytes is None or file.problem:
            continue
        if file.blob is None:
            unknown.append(file)
            continue
        progress.message = f"Checking {file.path}"
        if file.blob not in judged:
            found = checksum(file.place, file.blob, progress.advance)
            if found is None:
                unknown.append(file)
                continue
            judged[file.blob] = found == file.blob
            _remember(folder, file, found == file.blob)
        if not judged[file.blob]:
            wrong.append(file)
    return Checked(wrong, unknown)


def _remember(folder: Path, file: FoundFile, is_right: bool) -> None:
    assert file.blob is not None
    if is_right:
        unstain(folder, file.blob)
    else:
        stain(folder, file.blob, file.place)


def _damaged(
    model: FoundModel,
    revision: FoundRevision,
    wrong: Sequence[FoundFile],
    missing: Sequence[FoundFile],
    refetch: bool,
) -> Problem:
    told = [f"{file.path} is not what its checksum says" for file in wrong]
    told += [f"{file.path}: {file.problem or 'its contents are missing'}" for file in missing]
    what = "; ".join(told[:5]) + (f"; and {len(told) - 5} more" if len(told) > 5 else "")
    is_local = model.repo.startswith("local/")
    if is_local:
        remedy = Remedy(label="Import the folder again.")
    elif refetch:
        remedy = Remedy(label="They are fetched again now: see the downloads.")
    else:
        remedy = Remedy(
            label="Fetch the damaged files again",
            action="refetch",
            arguments={"model_id": identity(model, revision)},
        )
    return Problem(
        "model_damaged",
        f"{model.repo}: {what}.",
        status=422,
        causes=[Cause(message="The file was damaged on disk.", evidence=f.path) for f in wrong[:5]],
        remediation=[remedy],
    )


def identity(model: FoundModel, revision: FoundRevision) -> str:
    """Return the id of a revision: the folder's name without its prefix, and the commit."""
    return f"{model.repo.replace('/', '--')}@{revision.commit or 'unfinished'}"
