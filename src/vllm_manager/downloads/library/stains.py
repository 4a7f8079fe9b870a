"""Remembers blobs whose checksum was found wrong, until their bytes change.

Beside the locks: huggingface_hub's own scan looks at everything else in a cache.
"""

import json
from contextlib import suppress
from pathlib import Path
from typing import Final

_SUFFIX: Final = ".wrong"


def stain(folder: Path, blob: str, place: Path) -> None:
    """Remember that a blob's bytes are wrong."""
    mark = _mark(folder, blob)
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.write_text(json.dumps(_bytes(place)))


def unstain(folder: Path, blob: str) -> None:
    """Forget it: the bytes were found right, or are gone."""
    _mark(folder, blob).unlink(missing_ok=True)


def stains(folder: Path) -> frozenset[str]:
    """Return the blobs of a model of which something is remembered."""
    marks = _mark(folder, "").parent.glob(f"*{_SUFFIX}")
    return frozenset(mark.name.removesuffix(_SUFFIX) for mark in marks)


def stained(folder: Path, blob: str, place: Path) -> bool:
    """Whether the bytes that a blob has now were found wrong."""
    with suppress(OSError, ValueError):
        return json.loads(_mark(folder, blob).read_text()) == _bytes(place)
    return False


def _bytes(place: Path) -> list[int]:
    found = place.stat()
    return [found.st_ino, found.st_size, found.st_mtime_ns]


def _mark(folder: Path, blob: str) -> Path:
    return folder.parent / ".locks" / folder.name / f"{blob}{_SUFFIX}"
