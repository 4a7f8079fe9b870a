"""The services' log files: appended to by them, bounded by the steward, quoted in reasons."""

import contextlib
import shutil
from pathlib import Path
from typing import Any, cast

import orjson

from vllm_manager.kit.logs import KEPT_FILES, older, plain

LARGEST_BYTES = 20 * 1024 * 1024
"""Twice what our own processes let their files grow to: what goes past their log, and Ray's."""
_TAIL_BYTES = 16 * 1024


def bound(log: Path, largest_bytes: int = LARGEST_BYTES) -> bool:
    """Move a log that has grown too large aside; tell whether it was.

    Writers append (O_APPEND), so they go on at the start of the emptied file.
    """
    try:
        if log.stat().st_size <= largest_bytes:
            return False
        for number in reversed(range(1, KEPT_FILES)):
            with contextlib.suppress(FileNotFoundError):
                older(log, number).replace(older(log, number + 1))
        shutil.copyfile(log, older(log, 1))
        with log.open("r+b") as file:
            file.truncate(0)
    except OSError:
        return False
    return True


def tail(log: Path, count: int = 10) -> list[str]:
    """Return the last `count` lines that say something; none where there is no log."""
    try:
        with log.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - _TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    last = [line.rstrip() for line in text.splitlines() if line.strip()][-count:]
    return [_readable(line) for line in last]


def _readable(line: str) -> str:
    """Return a structured line as people read it, any other as it is."""
    try:
        found: object = orjson.loads(line)
    except ValueError:
        return line
    if not isinstance(found, dict):
        return line
    try:
        return plain(cast("dict[str, Any]", found))
    except KeyError:
        return line
