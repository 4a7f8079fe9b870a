"""The login throttle: too many wrong passwords close the door for a while, restarts included."""

import hashlib
import ipaddress
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from vllm_manager.auth import store
from vllm_manager.auth.tables import FailedLogin
from vllm_manager.db import Database
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.errors import Problem
from vllm_manager.kit.ids import new_id

WINDOW = timedelta(minutes=5)
ALLOWED_FAILURES = 10
_IPV6_SITE_BITS = 64


def subjects_of(username: str, address: str) -> tuple[str, str]:
    """Return what failures are counted by: the name and the address, each as far as it goes.

    Names are hashed: people type passwords into the field for the name. Of an IPv6 address the
    network counts, since whoever has one has 2^64 addresses.
    """
    name = hashlib.sha256(username.encode()).hexdigest()
    return f"user:{name}", f"address:{site_of(address)}"


def subject_of_sign_on(address: str) -> str:
    """Return what refused logins by single sign-on are counted by.

    They are counted apart: what goes wrong at the provider must not shut out passwords.
    """
    return f"sign-on:{site_of(address)}"


class Throttle:
    """Counts failures per subject in a sliding window, in the database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def reserve(self, subjects: Sequence[str]) -> Sequence[str]:
        """Count an attempt as failed before it is checked, so that a burst can't slip through.

        Returns what `take_back` needs.

        Raises:
            Problem: `too_many_attempts` (429), counted no further.
        """
        async with self._database.unit_of_work() as session:
            now = self._clock.now()  # not before: others may have been counted while this waited
            # Another machine's clock may be ahead. What lies further ahead was counted before this
            # one's was set back, and must not shut the door for as long.
            found = await store.failures(session, subjects, now - WINDOW, now + WINDOW)
            full = {s for s, n in Counter(f.subject for f in found).items() if _is_full(n)}
            if full:
                oldest = [_deciding(found, subject).failed_at for subject in full]
                raise too_many_attempts((max(oldest) + WINDOW - now).total_seconds())
            rows = [FailedLogin(id=new_id("fail"), subject=s, failed_at=now) for s in subjects]
            session.add_all(rows)
            return [row.id for row in rows]

    async def take_back(self, reserved: Sequence[str]) -> None:
        """Take back what was reserved: the password was right."""
        async with self._database.unit_of_work() as session:
            await store.take_back(session, reserved)


def _is_full(count: int) -> bool:
    return count >= ALLOWED_FAILURES


def _deciding(found: Sequence[FailedLogin], subject: str) -> FailedLogin:
    """Return the failure after whose end the subject may try again."""
    return [failure for failure in found if failure.subject == subject][-ALLOWED_FAILURES]


def site_of(address: str) -> str:
    """Return what of an address counts: all of an IPv4 one, the network of an IPv6 one."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, _IPV6_SITE_BITS), strict=False))


def too_many_attempts(wait_seconds: float) -> Problem:
    """Return the refusal of someone who is to wait."""
    return Problem(
        "too_many_attempts",
        "Too many failed logins with this name or from this address. "
        f"Wait {wait_seconds:.0f} seconds, then try again.",
        status=429,
        retryable=True,
        retry_after_seconds=wait_seconds,
    )
