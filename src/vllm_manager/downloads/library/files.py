"""Reads, copies and links the bytes of models, and their checksums; blocks."""

import hashlib
import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

from vllm_manager.downloads.worker.disk import free_bytes, size
from vllm_manager.kit.errors import Problem, Remedy

Advance = Callable[[int], None]

_CHUNK_BYTES: Final = 4 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")
_GIT_BLOB = re.compile(r"[0-9a-f]{40}")
_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def checksum(place: Path, name: str, advance: Advance) -> str | None:
    """Return a file's checksum of the kind that `name` is; None where it is of no known kind.

    A name of 64 digits is a sha256, one of 40 git's id of a blob.
    """
    if _SHA256.fullmatch(name):
        digest = hashlib.sha256()
    elif _GIT_BLOB.fullmatch(name):
        digest = hashlib.sha1(f"blob {place.stat().st_size}\0".encode(), usedforsecurity=False)
    else:
        return None
    with place.open("rb", buffering=0) as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            advance(len(chunk))
    return digest.hexdigest()


def copy(source: Path, blobs: Path, advance: Advance) -> tuple[str, int]:
    """Copy a file into `blobs` under its sha256; return that and its bytes.

    Links are not followed, so that nobody can put one in the file's place meanwhile.

    Raises:
        OSError: it can't be read or written; nothing is left.
    """
    digest, total = hashlib.sha256(), 0
    temporary = blobs.parent / f".making-{secrets.token_hex(4)}"  # `prepare` removes those
    try:
        with open(os.open(source, _READ), "rb", buffering=0) as file, temporary.open("xb") as into:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
                into.write(chunk)
                total += len(chunk)
                advance(len(chunk))
            into.flush()
            os.fsync(into.fileno())
        temporary.replace(blobs / digest.hexdigest())
    finally:
        temporary.unlink(missing_ok=True)
    return digest.hexdigest(), total


def link(source: Path, blob: Path) -> bool:
    """Give a file a second name; False where the file system can't."""
    try:
        os.link(source, blob)
    except FileExistsError:
        return True
    except OSError:
        return False
    return True


def same_file_system(first: Path, second: Path) -> bool:
    """Whether files can be linked from one folder to the other."""
    return first.stat().st_dev == existing(second).stat().st_dev


def existing(folder: Path) -> Path:
    """Return a folder, or the nearest around it that is there."""
    return next(place for place in (folder, *folder.absolute().parents) if place.exists())


def refuse_if_too_large(store: Path, needed_bytes: int) -> None:
    """Look at the disk before the first byte.

    Raises:
        Problem: there is too little room (507, `disk_too_small`).
    """
    free = free_bytes(existing(store))
    if needed_bytes > free:
        raise Problem(
            "disk_too_small",
            f"{size(needed_bytes)} are needed, but only {size(free)} are free in {store}. Free "
            f"{size(needed_bytes - free)}, or keep models on a larger disk "
            "(VLLM_MANAGER_MODELS_DIR). Nothing was copied.",
            status=507,
            remediation=[Remedy(label="Delete models that are no longer used.")],
        )
