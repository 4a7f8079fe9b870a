"""The files of a deployment's log: their names, their bounds, and what is let go of first.

Each life of a replica (incarnation) has up to three files of lines and one about itself:
`.head` with its beginning, where the cause of a failure often stands; `.jsonl` with its newest
lines; `.old` with those before them; `.about` says when it was and how it ended.
"""

import contextlib
import os
import re
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vllm_manager.kit.logs import write_all

_HEAD_BYTES: Final = 1 << 20
_ROTATE_BYTES: Final = 8 << 20
KEPT_LIVES: Final = 100
_SUFFIXES: Final = (".head", ".old", ".jsonl")
"""In the order of their lines."""
_ABOUT: Final = ".about"


@dataclass(frozen=True, slots=True)
class Bounds:
    """How large one deployment's files may become, together and each."""

    largest_bytes: int

    @property
    def head_bytes(self) -> int:
        return min(_HEAD_BYTES, self.largest_bytes // 16)

    @property
    def rotate_bytes(self) -> int:
        return min(_ROTATE_BYTES, self.largest_bytes // 8)


@dataclass(frozen=True, slots=True)
class Life:
    """The files of one incarnation."""

    folder: Path
    stem: str

    @property
    def generation(self) -> int:
        return _number(self.stem, 0)

    @property
    def attempt(self) -> int:
        return _number(self.stem, 1)

    @property
    def about(self) -> Path:
        return self.folder / f"{self.stem}{_ABOUT}"

    def files(self) -> list[Path]:
        """Return the files of lines that there are, oldest lines first."""
        paths = (self.folder / f"{self.stem}{suffix}" for suffix in _SUFFIXES)
        return [path for path in paths if path.exists()]

    def size_bytes(self) -> int:
        return sum(size_of(path) for path in self.files())

    def touched(self) -> float:
        """Return when something of it was last written, in seconds since 1970."""
        return max((_modified(path) for path in (*self.files(), self.about)), default=0.0)

    def remove(self) -> None:
        for path in (*self.files(), self.about):
            path.unlink(missing_ok=True)

    def append(self, data: bytes, bounds: Bounds) -> bool:
        """Write lines at the end; tell whether a file began, which is when to look at bounds."""
        head, newest = (self.folder / f"{self.stem}{s}" for s in (".head", ".jsonl"))
        is_head = not newest.exists() and size_of(head) < bounds.head_bytes
        target = head if is_head else newest
        begins = not target.exists()
        if not is_head and size_of(newest) > bounds.rotate_bytes:
            newest.replace(self.folder / f"{self.stem}.old")
            begins = True
        if begins:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(target, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        with open(descriptor, "r+b", buffering=0) as file:
            if not begins and file.seek(0, 2):
                file.seek(-1, 2)
                if file.read(1) != b"\n":  # torn off by a crash or a full disk
                    data = b"\n" + data
            write_all(file.fileno(), data)
        return begins


def life_of(
    root: Path, uid: str, generation: int, attempt: int, replica: str, incarnation: str
) -> Life:
    """Return the files of one incarnation; what replicas say of themselves stays a name."""
    safe = re.sub(r"[^\w-]", "_", f"{replica}-{incarnation}", flags=re.ASCII)
    return Life(folder_of(root, uid), f"{generation:06d}.{attempt:03d}.{safe[:80]}")


def folder_of(root: Path, uid: str) -> Path:
    return root / re.sub(r"[^\w-]", "_", uid, flags=re.ASCII)


def lives_in(folder: Path) -> list[Life]:
    """Return every incarnation of a folder, by generation and attempt."""
    stems: set[str] = set()
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if path.suffix in (*_SUFFIXES, _ABOUT):
                stems.add(path.name[: -len(path.suffix)])
    return [Life(folder, stem) for stem in sorted(stems)]


def bound(folder: Path, bounds: Bounds, now: Life) -> None:
    """Let go of the oldest lives until all fits, with room for what is written next.

    The life that is being written is never removed, but may lose its middle.
    """
    most_bytes = bounds.largest_bytes - bounds.rotate_bytes
    lives = sorted(lives_in(folder), key=lambda life: life.touched())
    sizes = {life.stem: life.size_bytes() for life in lives}
    left = len(lives)
    for life in lives:
        fits = sum(sizes.values()) <= most_bytes
        if (fits and left <= KEPT_LIVES) or life == now:
            continue
        life.remove()
        left -= 1
        del sizes[life.stem]
    if sum(sizes.values()) > most_bytes:
        (folder / f"{now.stem}.old").unlink(missing_ok=True)


def forget(root: Path, known: Collection[str], before: float) -> int:
    """Remove the folders of deployments that are not `known`, last written `before` that time."""
    folders = {folder_of(root, uid) for uid in known}
    removed = 0
    with contextlib.suppress(OSError):
        for folder in root.iterdir():
            if folder in folders or not folder.is_dir():
                continue
            newest = max((life.touched() for life in lives_in(folder)), default=0.0)
            if max(newest, _modified(folder)) < before:
                shutil.rmtree(folder, ignore_errors=True)
                removed += 1
    return removed


def size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _number(stem: str, place: int) -> int:
    part = stem.split(".", 2)[place] if stem.count(".") >= 2 else ""
    return int(part) if part.isdecimal() else 0
