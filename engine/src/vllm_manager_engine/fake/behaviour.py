"""How the fake engine shall behave: every `FAKE_*` variable, once."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Each field is read from `FAKE_<NAME>`; the defaults are a quick, healthy engine."""

    # Seconds spent in each phase. Fetching and compiling are gone through only if they take any.
    starting_seconds: float = 0.0
    fetching_seconds: float = 0.0
    loading_seconds: float = 0.0
    compiling_seconds: float = 0.0
    warming_seconds: float = 0.0
    # The phase in which it stops to move, or ends.
    stuck_in: str = ""
    crash_in: str = ""
    # The end: printed on standard error, then this code (or this signal to itself).
    stderr: str = ""
    exit_code: int = 1
    signal: int = 0
    out_of_memory: bool = False
    kv_cache_too_small: bool = False
    # After so many generations or seconds of service; 0 means never.
    crash_after_requests: int = 0
    crash_after_seconds: float = 0.0
    # `generation`: HTTP answers, no token comes. `all`: nothing answers. SIGUSR1 toggles the first.
    hang: str = ""
    hang_after_requests: int = 0
    # Takes its port when start-up is over, as if somebody could have been faster.
    bind_late: bool = False
    ignore_term: bool = False
    # The engine core's death goes unnoticed: /health stays 200, generation stands still.
    ignore_core_death: bool = False
    # A child in a session of its own that ignores SIGTERM, as a helper that went astray.
    stray_child: bool = False
    # A socket, a temporary file and shared memory, as vLLM's; only a clean end removes them.
    leave_traces: bool = False
    log_flood_lines: int = 0
    # What it generates, and how fast; 0 tokens per second means at once.
    tokens: int = 16
    tokens_per_second: float = 0.0
    first_token_seconds: float = 0.0
    # An embedding model: no completions.
    pooling: bool = False


def read(environment: Mapping[str, str]) -> Behaviour:
    """Return the behaviour that `environment` asks for.

    Raises:
        ValueError: a value has the wrong type, or a `FAKE_*` name is unknown.
    """
    known = {f"FAKE_{f.name.upper()}": f for f in fields(Behaviour)}
    unknown = [n for n in environment if n.startswith("FAKE_") and n not in known]
    if unknown:
        raise ValueError(f"unknown: {', '.join(unknown)}; known: {', '.join(known)}")
    given: dict[str, Any] = {
        field.name: _converted(environment[name], type(field.default))
        for name, field in known.items()
        if name in environment
    }
    return Behaviour(**given)


def _converted(text: str, kind: Any) -> Any:
    return text not in ("", "0", "false") if kind is bool else kind(text)
