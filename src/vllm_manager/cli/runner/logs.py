"""The services' log files: appended to by them, bounded by the steward, quoted in reasons."""

import shutil
from pathlib import Path

LARGEST_BYTES = 20 * 1024 * 1024
_TAIL_BYTES = 16 * 1024


def bound(log: Path, largest_bytes: int = LARGEST_BYTES) -> bool:
    """Move a log that has grown too large aside (one older copy is kept); tell whether it was.

    Writers append (O_APPEND), so they go on at the start of the emptied file.
    """
    try:
        if log.stat().st_size <= largest_bytes:
            return False
        shutil.copyfile(log, log.with_name(log.name + ".1"))
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
    return [line.rstrip() for line in text.splitlines() if line.strip()][-count:]
