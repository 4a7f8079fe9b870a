"""Removes a revision from the store, and with it what no other revision needs; blocks."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from vllm_manager.downloads.library.holding import held
from vllm_manager.downloads.library.scan import FoundModel, FoundRevision, read_model
from vllm_manager.downloads.library.stains import unstain


def delete(store: Path, model: FoundModel, commit: str | None) -> int:
    """Remove a revision (None: what a download left); return the bytes that were freed.

    Raises:
        Problem: a download works in the folder (409, `model_busy`).
        OSError: the disk refused.
    """
    with held(store, model.repo):
        now = read_model(model.path)
        found = None if now is None else _revision(now, commit)
        if now is None or found is None:
            return 0
        freed = now.freed_by(found)
        # First what names it: whoever looks meanwhile finds no model, never half of one.
        for ref in found.refs:
            (now.path / "refs" / ref).unlink(missing_ok=True)
        if found.path is not None:
            shutil.rmtree(found.path)
        _remove_blobs(now, found)
        _remove_empty(now.path)
    with suppress(OSError):
        os.rmdir(store / ".locks" / model.path.name)
    return freed


def _revision(model: FoundModel, commit: str | None) -> FoundRevision | None:
    return next((r for r in model.revisions if r.commit == commit), None)


def _remove_blobs(model: FoundModel, revision: FoundRevision) -> None:
    kept = {f.blob for other in model.revisions if other is not revision for f in other.files}
    for blob in {file.blob for file in revision.files if file.blob is not None} - kept:
        (model.path / "blobs" / blob).unlink(missing_ok=True)
        unstain(model.path, blob)


def _remove_empty(folder: Path) -> None:
    """Remove what is left of a model without snapshots: empty folders, refs that name nothing."""
    snapshots = folder / "snapshots"
    if snapshots.is_dir() and any(snapshots.iterdir()):
        return
    blobs = folder / "blobs"
    if blobs.is_dir() and any(blobs.iterdir()):
        return  # another download's parts
    shutil.rmtree(folder, ignore_errors=True)
