"""What can go wrong while fetching, as values: what to try again, what to give up with."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(eq=False)
class Failure(Exception):
    """Why a download ends: a problem's members, which the control plane makes a problem of."""

    code: str
    detail: str
    retryable: bool = False
    evidence: str | None = None
    remedies: tuple[str, ...] = field(default=())
    status: int = 502
    answer: dict[str, Any] | None = None
    """What the hub answered, where that is the reason: status, error_code, said, retry_after, path.
    The control plane has the words for it."""

    def __str__(self) -> str:
        return self.detail

    def as_json(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "detail": self.detail,
            "retryable": self.retryable,
            "evidence": self.evidence,
            "remedies": list(self.remedies),
            "status": self.status,
            "answer": self.answer,
        }


@dataclass(eq=False)
class TryAgain(Exception):
    """A piece could not be had now. `failure` is what to give up with when it stays so."""

    failure: Failure
    after_seconds: float | None = None
    """What the server asked for (Retry-After)."""

    def __str__(self) -> str:
        return self.failure.detail


class Changed(Exception):
    """The file is no longer what was listed, or what its first part was of."""


class Stopped(Exception):
    """Somebody asked the download to stop."""
