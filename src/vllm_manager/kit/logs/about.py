"""What the lines of the work under way are about: a request, a deployment, a replica, a phase."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

_NOTHING: Mapping[str, str] = MappingProxyType({})
_about: ContextVar[Mapping[str, str]] = ContextVar("log_about", default=_NOTHING)


def current() -> Mapping[str, str]:
    """Return the members that every line of this task carries now."""
    return _about.get()


@contextmanager
def about(
    *,
    request_id: str | None = None,
    deployment: str | None = None,
    replica: str | None = None,
    phase: str | None = None,
) -> Generator[None]:
    """Let every line that is logged within carry these members; tasks begun within, too."""
    named = {
        "request_id": request_id,
        "deployment": deployment,
        "replica": replica,
        "phase": phase,
    }
    given = {name: value for name, value in named.items() if value is not None}
    token = _about.set({**_about.get(), **given})
    try:
        yield
    finally:
        _about.reset(token)
