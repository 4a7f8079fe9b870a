"""Reads the lines of a log file, from its end or from its beginning, with where they stand."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

_BLOCK_BYTES: Final = 64 * 1024


def backwards(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield offset and bytes of each line from the file's end, reading block by block."""
    try:
        file = path.open("rb")
    except OSError:
        return
    with file:
        position = file.seek(0, 2)
        rest = b""
        while position > 0:
            size = min(_BLOCK_BYTES, position)
            position -= size
            file.seek(position)
            block = file.read(size) + rest
            rest, *whole = block.split(b"\n") if position else (b"", *block.split(b"\n"))
            end = position + len(block)
            for raw in reversed(whole):
                end -= len(raw)
                yield end, raw
                end -= 1


def forwards(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield offset and bytes of each line from the file's beginning."""
    try:
        file = path.open("rb")
    except OSError:
        return
    with file:
        offset = 0
        for raw in file:
            yield offset, raw.rstrip(b"\n")
            offset += len(raw)
