"""Files that only their owner may read, replaced whole. Standard library alone: the gateway's
workers import this."""

import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Replace `path` atomically by a file of mode 0600 holding `text`, synced to disk."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with replaced(path) as temporary, temporary.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def replaced(path: Path) -> Generator[Path]:
    """Give an empty file of mode 0600 that takes the place of `path` at the end.

    Whatever mode a file at `path` had, nobody else reads what is written; and where it could not
    be written whole, that file stays as it was. A device or a pipe is given as it is.

    Raises:
        OSError: there can be no file; it names `path`, not the draft beside it.
    """
    if path.exists() and not path.is_file():
        yield path
        return
    place = path.resolve()
    temporary = place.with_name(f".{place.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    try:
        yield temporary
        temporary.replace(place)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
