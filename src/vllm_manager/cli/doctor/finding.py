"""What a check found."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One piece: in order, wrong (with what to do), or neither (`ok` is None: does not apply)."""

    name: str
    ok: bool | None
    detail: str
    remedy: str | None = None


def good(name: str, detail: str) -> Finding:
    return Finding(name, True, detail)


def bad(name: str, detail: str, remedy: str) -> Finding:
    return Finding(name, False, detail, remedy)


def apart(name: str, detail: str) -> Finding:
    """Say something that is neither right nor wrong."""
    return Finding(name, None, detail)
