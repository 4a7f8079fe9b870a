"""Where a model's files lie: the Hugging Face cache's own layout, so that every tool finds them.

    models--org--name/blobs/<etag>               contents, under what the Hub calls their ETag
    models--org--name/snapshots/<commit>/<path>  relative links to blobs
    models--org--name/refs/<revision>            the commit that a branch or tag was

A snapshot appears whole, in one rename, and only then is the revision's ref written: whoever looks
finds a complete model or none. (huggingface_hub links each file as it comes; a reader then can't
tell half a model from a whole one.) Imports nothing but the standard library: the fetching process
uses it.
"""

import os
import secrets
import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PART = ".part"
JOURNAL = ".journal"
_MAKING = ".making-"


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """The folder of one model in a store."""

    store: Path
    repo: str

    @property
    def path(self) -> Path:
        return self.store / f"models--{self.repo.replace('/', '--')}"

    @property
    def blobs(self) -> Path:
        return self.path / "blobs"

    @property
    def claim(self) -> Path:
        """Says which process fetches into this folder; beside huggingface_hub's own locks."""
        return self.store / ".locks" / self.path.name / "vllm-manager.claim"

    def blob(self, etag: str) -> Path:
        return self.blobs / etag

    def snapshot(self, commit: str) -> Path:
        return self.path / "snapshots" / commit

    def ref(self, revision: str) -> Path:
        return self.path / "refs" / revision

    def prepare(self) -> None:
        """Make the folders that huggingface_hub's scan expects of every model."""
        for name in ("blobs", "snapshots", "refs"):
            (self.path / name).mkdir(parents=True, exist_ok=True)
        for left in self.path.glob(f"{_MAKING}*"):  # by a process that was killed at the end
            shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)

    def publish(self, commit: str, revision: str, files: Iterable[tuple[str, str]]) -> Path:
        """Show the model: link each (path, etag) in the snapshot, then name it by its revision.

        Raises:
            OSError: the disk refused.
        """
        snapshot = self.snapshot(commit)
        if snapshot.is_dir():
            for path, etag in files:
                _link(snapshot, path, etag)
        else:
            self._show_whole(snapshot, files)
        if revision != commit:
            self._write_ref(revision, commit)
        return snapshot

    def _show_whole(self, snapshot: Path, files: Iterable[tuple[str, str]]) -> None:
        # Beside `snapshots`, at the same depth: the relative links stay true after the rename.
        making = self.path / f"{_MAKING}{secrets.token_hex(4)}" / snapshot.name
        making.mkdir(parents=True)
        try:
            for path, etag in files:
                _link(making, path, etag)
            snapshot.parent.mkdir(exist_ok=True)
            making.rename(snapshot)
        finally:
            shutil.rmtree(making.parent, ignore_errors=True)

    def _write_ref(self, revision: str, commit: str) -> None:
        """Write it whole, beside `refs`: a reader of the folder sees the old one or the new."""
        ref = self.ref(revision)
        ref.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path / f"{_MAKING}{secrets.token_hex(4)}"
        temporary.write_text(commit)
        temporary.replace(ref)

    def sweep(self, etags: Iterable[str], kept: frozenset[str] = frozenset()) -> None:
        """Remove what a download left: parts, journals, and blobs that no snapshot shows.

        What is in `kept` belongs to other downloads of this model and stays. Folders that are
        empty afterwards go, too.
        """
        linked = self._linked()
        for etag in etags:
            if etag in kept:
                continue
            for suffix in (PART, JOURNAL):
                self.blob(etag + suffix).unlink(missing_ok=True)
            if etag not in linked:
                self.blob(etag).unlink(missing_ok=True)
        if not kept and not linked:
            self._remove_empty()

    def _linked(self) -> frozenset[str]:
        """Return the blobs that any snapshot links to."""
        found = (self.path / "snapshots").rglob("*")
        return frozenset(os.path.basename(os.readlink(path)) for path in found if path.is_symlink())

    def _remove_empty(self) -> None:
        for name in ("blobs", "snapshots", "refs", "."):
            with suppress(OSError):
                os.rmdir(self.path / name)
        with suppress(OSError):
            os.rmdir(self.claim.parent)


def _link(snapshot: Path, path: str, etag: str) -> None:
    """Make or replace one relative link, in one step."""
    place = snapshot / path
    place.parent.mkdir(parents=True, exist_ok=True)
    target = "/".join([".."] * (len(Path(path).parts) + 1) + ["blobs", etag])
    if place.is_symlink() and os.readlink(place) == target:
        return
    temporary = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
    temporary.symlink_to(target)
    temporary.replace(place)
