"""What is known of one life of a replica beside its lines: when it was, and how it ended."""

import contextlib
import os
from datetime import UTC, datetime
from typing import Literal

import msgspec

from vllm_manager.deployments.logs.files import Life
from vllm_manager.deployments.reports import ReportBody
from vllm_manager.deployments.schemas import LogAttempt, ReplicaFailure

State = Literal["running", "stopped", "failed", "lost"]


class About(msgspec.Struct, omit_defaults=True):
    """As it lies in its file."""

    deployment: str
    replica: str
    incarnation: str
    generation: int
    attempt: int
    began_at: datetime
    phase: str
    node: str | None = None
    failure: dict[str, object] | None = None
    lines: int = 0
    lines_dropped: int = 0


def about(body: ReportBody, began_at: datetime, lines: int, lines_dropped: int) -> About:
    """Return what a report tells of its replica's life."""
    return About(
        deployment=body.deployment,
        replica=body.replica_id,
        incarnation=body.incarnation,
        generation=body.generation,
        attempt=body.attempt,
        began_at=began_at,
        phase=body.phase,
        node=body.node.hostname,
        failure=body.failure.model_dump(exclude_none=True) if body.failure else None,
        lines=lines,
        lines_dropped=lines_dropped,
    )


def write(life: Life, told: About) -> None:
    """Keep it, whole or not at all."""
    life.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = life.about.with_suffix(".draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(msgspec.json.encode(told))
    draft.replace(life.about)


def touch(life: Life) -> None:
    """Note that the replica was heard now."""
    with contextlib.suppress(OSError):
        os.utime(life.about)


def read(life: Life) -> About | None:
    """Return what was kept; None where nothing was."""
    try:
        return msgspec.json.decode(life.about.read_bytes(), type=About)
    except (OSError, msgspec.DecodeError):
        return None


def attempt_of(life: Life, told: About, *, is_heard: bool) -> LogAttempt:
    """Return a life as clients see it; `is_heard`: its replica still reports."""
    state = _state(told, is_heard=is_heard)
    return LogAttempt(
        replica=told.replica,
        generation=told.generation,
        attempt=told.attempt,
        incarnation=told.incarnation,
        node=told.node,
        began_at=told.began_at,
        ended_at=None if state == "running" else datetime.fromtimestamp(life.touched(), UTC),
        state=state,
        phase=told.phase,
        failure=ReplicaFailure.model_validate(told.failure) if told.failure else None,
        lines=told.lines,
        lines_dropped=told.lines_dropped,
        size_bytes=life.size_bytes(),
    )


def _state(told: About, *, is_heard: bool) -> State:
    # A replica that has failed is taken down, and says so: that is not how its engine ended.
    if told.phase == "failed" or (told.phase == "stopping" and told.failure):
        return "failed"
    if is_heard:
        return "running"
    return "stopped" if told.phase == "stopping" else "lost"
