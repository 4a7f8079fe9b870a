"""What is said of a start that lasts too long: how far it came, and what it waits for."""

from collections.abc import Sequence
from typing import Any

from vllm_manager_engine import failures
from vllm_manager_engine.failures.failure import Failure
from vllm_manager_engine.phases import Course

_DOING = {
    "starting": "It was importing, or waiting for another process of its own",
    "fetching": "It was downloading the model",
    "loading": "It was reading the weights: a slow disk, or a process of it that hangs",
    "compiling": "It was compiling kernels, which the next start finds in the cache",
    "warming": "It was warming up: a worker that hangs, or a first token that never came",
}


def too_long(course: Course, lasted: float, still: float, doubt: str | None) -> Failure:
    """Return that the whole start took longer than it may, whether it moved on or not."""
    moved = "and nothing moved any more" if still > lasted / 4 else "though it still moved on"
    detail = (
        f"The engine was still {course.phase} {lasted:g} s after its start, {moved}. "
        f"{_DOING.get(course.phase, 'It was not ready')}. Allow it more time "
        "(VLLM_MANAGER_START_DEADLINE_SECONDS), or see its last lines for what it waits for."
    )
    return Failure("start_timeout", detail, doubt or course.message)


def hung(course: Course, idle: float, doubt: str | None, texts: Sequence[str]) -> Failure:
    """Return that a start showed no sign of progress for `idle` seconds."""
    found = failures.recognise(failures.read(None, None, texts))
    because: Any = f" {found.detail}" if found is not None else ""
    detail = (
        f"The engine was {course.phase} without a sign of progress for {idle:g} s, and was "
        f"stopped. "
        f"{_DOING.get(course.phase, 'It was not ready')}.{because}"
    )
    proof = found.evidence if found is not None else doubt or course.message
    return Failure("start_hung", detail, proof)
