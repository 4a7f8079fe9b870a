"""Secrets: made here, kept in files of mode 0600, compared in constant time, stored as hashes."""

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from vllm_manager.kit.errors import Problem
from vllm_manager.kit.private_files import write_private


def new_token(prefix: str = "") -> str:
    """Return `prefix` and 256 random bits as 43 URL-safe characters."""
    return prefix + secrets.token_urlsafe(32)


def fingerprint(token: str) -> str:
    """Return the SHA-256 of a high-entropy token as hex: safe to store, fast to look up."""
    return hashlib.sha256(token.encode()).hexdigest()


def matches(token: str, expected: str) -> bool:
    """Compare two secrets in constant time."""
    return hmac.compare_digest(token.encode(), expected.encode())


def read_or_create(path: Path, prefix: str = "") -> str:
    """Return the token in `path`, making one (mode 0600) on first use; safe between processes.

    Raises:
        Problem: the file is there but empty, so that an empty token would open the door.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        _create(path, new_token(prefix))
    token = path.read_text().strip()
    if not token:
        raise Problem(
            "secret_empty",
            f"The secret in {path} is empty. Delete the file; a new one is made at the next start.",
            status=500,
        )
    return token


def _create(path: Path, token: str) -> None:
    """Make `path` with `token` in it, unless another process makes it first."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    write_private(temporary, token)
    try:
        os.link(temporary, path)  # fails where another process was first: theirs is taken
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
