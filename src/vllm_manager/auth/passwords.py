"""Passwords: what a new one must be, and argon2id off the event loop, with equal work for all."""

import asyncio
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from vllm_manager.kit.errors import FieldError, invalid

MIN_LENGTH = 12
MAX_LENGTH = 1024
_MIN_DISTINCT = 5

# RFC 9106's second recommended option asks for 64 MiB; OWASP's equivalent of 19 MiB and two
# passes keeps a burst of logins within the control plane's memory budget.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_AT_ONCE = 2


@cache
def _absent() -> str:
    """A hash that no password is known for; verified in place of an unknown user's."""
    return _HASHER.hash("no user has this password")


def _verify(hashed: str | None, password: str) -> bool:
    try:
        return _HASHER.verify(hashed or _absent(), password) and hashed is not None
    except (VerificationError, InvalidHashError):
        return False


def require_good(password: str, username: str, field: str = "password") -> None:
    """Refuse a new password that would be guessed early. Length counts, not kinds of characters.

    Raises:
        Problem: `invalid_request` (422).
    """
    if len(password) < MIN_LENGTH:
        message = f"Too short: use at least {MIN_LENGTH} characters, for instance four words."
    elif len(set(password)) < _MIN_DISTINCT:
        message = "Too simple: it repeats the same few characters."
    elif username.lower() in password.lower() and len(password) - len(username) < MIN_LENGTH // 2:
        message = "Too simple: it is hardly more than the name."
    else:
        return
    raise invalid([FieldError(field=field, message=message, suggestion=None)])


class Passwords:
    """Hashes and verifies at most two passwords at a time, each in a thread."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def hash(self, password: str) -> str:
        async with self._slots:
            return await asyncio.to_thread(_HASHER.hash, password)

    async def verify(self, hashed: str | None, password: str) -> bool:
        """Return whether `password` fits; `None` (no such user) costs the same and is false."""
        async with self._slots:
            return await asyncio.to_thread(_verify, hashed, password)
