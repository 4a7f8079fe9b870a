"""The report of a replica, as `docs/reference/protocols.md` describes it."""

from dataclasses import asdict
from typing import Any

from vllm_manager_engine.failures.failure import Failure
from vllm_manager_engine.log_lines import LogRing
from vllm_manager_engine.phases import Course
from vllm_manager_engine.spec import Identity, ReplicaSpec

_MOST_CHARACTERS = 1 << 20
"""In one report: as JSON they stay well below what the control plane takes at once."""


def who(spec: ReplicaSpec, identity: Identity) -> dict[str, Any]:
    """Return the members that never change during a supervisor's life."""
    return {
        "deployment": spec.deployment,
        "uid": spec.uid,
        "generation": spec.generation,
        "attempt": spec.attempt,
        "replica_id": identity.replica_id,
        "incarnation": identity.incarnation,
        "node": asdict(identity.node),
        "secret": identity.secret,
    }


def where(course: Course, failure: Failure | None, now: float) -> dict[str, Any]:
    """Return how far the engine has come, at monotonic time `now`."""
    return {
        "phase": course.phase,
        "phase_seconds": round(now - course.since, 3),
        "idle_seconds": round(now - course.moved, 3),
        "progress": course.progress,
        "message": course.message,
        "timeline": [{"phase": s.phase, "seconds": round(s.seconds, 3)} for s in course.timeline],
        "failure": failure.as_dict() if failure is not None else None,
    }


def lines(ring: LogRing, wanted: int, limit: int) -> dict[str, Any]:
    """Return the log lines from number `wanted` on, and where the log now begins and ends."""
    return {
        "log": [line.as_dict() for line in ring.since(wanted, limit, _MOST_CHARACTERS)],
        "log_first": ring.first,
        "log_last": ring.next - 1,
    }
