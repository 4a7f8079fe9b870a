"""Stamps: a step is done again only when what it was made from has changed."""

import hashlib
from collections.abc import Iterable
from pathlib import Path


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        found = (p for p in path.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
        return sorted(found)
    return [path]


def digest(inputs: Iterable[Path | str]) -> str:
    """Return a hash over the names and contents of files (folders whole) and over plain strings."""
    total = hashlib.sha256()
    for item in inputs:
        if isinstance(item, str):
            total.update(item.encode() + b"\0")
            continue
        for file in _files(item):
            total.update(file.relative_to(item.parent).as_posix().encode() + b"\0")
            total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


class Stamp:
    """Remembers, in a file that lives and dies with the product, what a step was made from."""

    def __init__(self, path: Path, inputs: Iterable[Path | str]) -> None:
        self._path = path
        self._digest = digest(inputs)

    def is_current(self) -> bool:
        try:
            return self._path.read_text() == self._digest
        except OSError:
            return False

    def write(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(self._digest)
