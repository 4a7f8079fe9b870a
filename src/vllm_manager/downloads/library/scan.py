"""Reads what a Hugging Face cache holds, half-written parts included; blocks: call it in a thread.

huggingface_hub's own scan leaves out a model that has anything wrong with it; a person wants to
see it, with what is wrong.
"""

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vllm_manager.downloads.library.soundness import Sizes, Verdict, judge
from vllm_manager.downloads.library.stains import stained, stains

State = Literal["complete", "partial", "broken"]
_PREFIX = "models--"
_IGNORED = frozenset({".DS_Store"})
_UNFINISHED = (".incomplete", ".part")
_SHARED_BLOBS = "blobs"
"""Where huggingface_hub may keep bytes that several models share, in the cache's root."""


@dataclass(frozen=True, slots=True)
class FoundFile:
    """One file of a snapshot. `blob` is None where it is no link into `blobs`."""

    path: str
    place: Path
    """Where its bytes are."""

    blob: str | None
    size_bytes: int | None
    """None where its bytes are missing."""

    accessed: float = 0.0
    modified: float = 0.0
    problem: str | None = None

    @property
    def key(self) -> str:
        """What tells whether two files are the same bytes on disk."""
        return self.blob or str(self.place)


@dataclass(frozen=True, slots=True)
class FoundRevision:
    """One snapshot. `commit` is None for bytes that belong to no snapshot yet."""

    commit: str | None
    path: Path | None
    refs: Sequence[str]
    files: Sequence[FoundFile]
    state: State
    reasons: Sequence[str]

    @property
    def sizes(self) -> Mapping[str, int]:
        """Bytes by blob: files of the same content count once."""
        return {file.key: file.size_bytes for file in self.files if file.size_bytes is not None}

    @property
    def size_bytes(self) -> int:
        return sum(self.sizes.values())


@dataclass(frozen=True, slots=True)
class FoundModel:
    """One model's folder."""

    repo: str
    path: Path
    revisions: Sequence[FoundRevision]

    @property
    def size_bytes(self) -> int:
        """Bytes on disk: what several revisions share counts once."""
        shared: dict[str, int] = {}
        for revision in self.revisions:
            shared.update(revision.sizes)
        return sum(shared.values())

    def freed_by(self, revision: FoundRevision) -> int:
        """Return the bytes that only this revision needs."""
        others = {key for other in self.revisions if other is not revision for key in other.sizes}
        return sum(size for key, size in revision.sizes.items() if key not in others)

    def find(self, name: str) -> FoundRevision | None:
        """Return the revision that a commit, tag or branch names."""
        for revision in self.revisions:
            if revision.commit is not None and (name == revision.commit or name in revision.refs):
                return revision
        return None


def scan(store: Path) -> Iterator[FoundModel]:
    """Yield every model in a cache, by name."""
    if not store.is_dir():
        return
    for folder in sorted(store.glob(f"{_PREFIX}*--*")):
        if folder.is_dir() and not folder.is_symlink() and (found := read_model(folder)):
            yield found


def read_model(folder: Path) -> FoundModel | None:
    """Return the model in a folder; None where the folder holds nothing of one."""
    refs = _refs(folder / "refs")
    unfinished = list(_unfinished(folder / "blobs"))
    snapshots = [path for path in _folders(folder / "snapshots") if path.name not in _IGNORED]
    interrupted = _interrupted(snapshots, refs, unfinished)
    revisions = [
        _revision(folder, path, refs, unfinished if path == interrupted else ())
        for path in snapshots
    ]
    if not revisions:
        nothing = _without_snapshot(folder, unfinished)
        if nothing is None:
            return None
        revisions = [nothing]
    return FoundModel(repo_of(folder), folder, revisions)


def repo_of(folder: Path) -> str:
    """Return the model that a folder `models--org--name` is of."""
    return folder.name.removeprefix(_PREFIX).replace("--", "/")


def folder_of(store: Path, repo: str) -> Path:
    """Return the folder of a model in a cache."""
    return store / f"{_PREFIX}{repo.replace('/', '--')}"


def _revision(
    folder: Path, snapshot: Path, refs: Mapping[str, str], unfinished: Sequence[Path]
) -> FoundRevision:
    files = sorted(_files(folder, snapshot), key=lambda file: file.path)
    names = [name for name, commit in refs.items() if commit == snapshot.name]
    broken = [f"{file.path}: {file.problem}" for file in files if file.problem]
    wrong = stains(folder)
    broken += [
        f"{file.path}: its checksum was found wrong; fetch it again"
        for file in files
        if file.blob in wrong and not file.problem and stained(folder, file.blob, file.place)
    ]
    if broken:
        return FoundRevision(snapshot.name, snapshot, names, files, "broken", broken)
    sizes: Sizes = {file.path: (file.place, file.size_bytes or 0) for file in files}
    verdict = judge(sizes)
    if verdict.state == "complete" and unfinished:
        word = "an interrupted download" if len(unfinished) == 1 else "interrupted downloads"
        said = ", ".join(path.name[:20] + "…" + path.suffix for path in unfinished[:3])
        verdict = Verdict("partial", [f"There are {word} beside it: {said}"])
    return FoundRevision(snapshot.name, snapshot, names, files, verdict.state, verdict.reasons)


def _interrupted(
    snapshots: Sequence[Path], refs: Mapping[str, str], unfinished: Sequence[Path]
) -> Path | None:
    """Return the snapshot that an interrupted download was to fill; None where it has none yet.

    huggingface_hub writes the ref first, then links each file as it comes, so its newest snapshot
    may look whole and lack a file. Our own download shows a snapshot only when it is whole.
    """
    if not any(path.suffix == ".incomplete" for path in unfinished):
        return None
    if set(refs.values()) - {path.name for path in snapshots}:
        return None
    return max(snapshots, key=lambda path: path.stat().st_mtime, default=None)


def _without_snapshot(folder: Path, unfinished: Sequence[Path]) -> FoundRevision | None:
    """Return what a download left that never came to a snapshot."""
    blobs = [path for path in _names(folder / "blobs") if path.is_file()]
    if not blobs and not (folder / "refs").is_dir():
        return None
    files = [FoundFile(path.name, path, path.name, path.stat().st_size) for path in blobs]
    started = f"{len(unfinished)} of its files had begun" if unfinished else "no snapshot was made"
    reason = f"A download that did not end: {started}."
    return FoundRevision(None, None, (), files, "partial", [reason])


def _files(folder: Path, snapshot: Path) -> Iterator[FoundFile]:
    # Text, not paths: a repository may have ten thousand files.
    blobs = str(folder / "blobs")
    is_plain = not os.path.islink(blobs) and not os.path.islink(snapshot.parent)
    for place, folders, names in os.walk(snapshot):
        inside = os.path.relpath(place, snapshot)
        for name in [*names, *(n for n in folders if os.path.islink(os.path.join(place, n)))]:
            if name not in _IGNORED:
                path = os.path.join(place, name)
                shown = name if inside == "." else f"{inside}/{name}"
                yield _file(folder, path, shown, blobs if is_plain else None)


def _file(folder: Path, path: str, name: str, blobs: str | None) -> FoundFile:
    """Return a file. `blobs` is None where that folder, or the snapshots', is itself a link."""
    blob, place = None, path
    try:
        found = os.lstat(path)
        if stat.S_ISLNK(found.st_mode):
            # The first hop is the model's own blob; that may itself be shared with other models.
            place = os.path.normpath(os.path.join(os.path.dirname(path), os.readlink(path)))
            parent, _, last = place.rpartition("/")
            blob = last if parent == str(folder / "blobs") else None
            found = os.lstat(place)
        is_ours = blobs is not None and (place == path or os.path.dirname(place) == blobs)
        problem = None if is_ours and stat.S_ISREG(found.st_mode) else _fault(folder, Path(place))
        found = os.stat(place)
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        is_missing = isinstance(error, FileNotFoundError)
        problem = "its contents are missing" if is_missing else f"it can't be read: {error}"
        return FoundFile(name, Path(place), blob, None, problem=problem)
    size = None if problem else found.st_size
    return FoundFile(name, Path(place), blob, size, found.st_atime, found.st_mtime, problem)


def _fault(folder: Path, place: Path) -> str | None:
    """Say what is wrong with a place that is no plain file among the model's own."""
    real = place.resolve(strict=True)
    around = (folder.resolve(), (folder.parent / _SHARED_BLOBS).resolve())
    if not any(real.is_relative_to(root) for root in around):
        return "a link that leads out of the model"
    return None if real.is_file() else "it is no file"


def _refs(folder: Path) -> Mapping[str, str]:
    """Return the commit of each branch and tag; an empty or unreadable ref names none."""
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if path.is_file() and path.name not in _IGNORED:
            with suppress(OSError, UnicodeDecodeError):
                found[path.relative_to(folder).as_posix()] = path.read_text().strip()
    return {name: commit for name, commit in found.items() if commit}


def _unfinished(blobs: Path) -> Iterator[Path]:
    """Yield what downloads have left whose file did not come by another way since."""
    for path in _names(blobs):
        if path.suffix in _UNFINISHED and not (blobs / path.name.partition(".")[0]).exists():
            yield path


def _folders(folder: Path) -> Sequence[Path]:
    return [path for path in _names(folder) if path.is_dir() and not path.is_symlink()]


def _names(folder: Path) -> Sequence[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return ()
