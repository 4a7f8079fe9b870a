"""What to do about what is seen: retry, give up, go on, hand a new set to the cluster (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from vllm_manager.deployments.known_failures import HOPELESS
from vllm_manager.deployments.observed import Failure, Observation, Report
from vllm_manager.deployments.ray_messages import understood
from vllm_manager.deployments.states import Assessment, Wanted

_MAX_BACK_OFF_SECONDS: Final = 300.0
_MARGIN_SECONDS: Final = 30.0
"""How much later than the replica itself the control plane ends a start that hangs."""


_SETTLING_SECONDS: Final = 3.0
"""A replica that reported within this time may be missing from a list that is a little old."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient the control plane is."""

    retry_attempts: int
    retry_base_seconds: float
    phase_deadline_seconds: float
    start_deadline_seconds: float
    stable_seconds: float = 60.0
    """Ready for so long, earlier failures are forgotten."""

    def back_off_seconds(self, failures: int) -> float:
        """Return the wait after that many failures in a row: base·2ⁿ⁻¹, at most 300 s."""
        return min(_MAX_BACK_OFF_SECONDS, self.retry_base_seconds * 2 ** max(0, failures - 1))


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of one deployment's row."""

    kind: Literal["keep", "note", "retry", "resume", "give_up", "recover", "remove"]
    failures: int = 0
    failure: Failure | None = None
    wait_seconds: float = 0.0


_KEEP: Final = Decision("keep")


def decide(
    wanted: Wanted,
    assessment: Assessment,
    setback: "Setback | None",
    ready_seconds: float,
    policy: Policy,
) -> Decision:
    """Decide about one deployment.

    `setback` is the newest failure that was not decided about yet; `ready_seconds` is how long it
    has been ready without a break.
    """
    if wanted.desired != "running":
        gone = wanted.desired == "deleted" and assessment.gone
        return Decision("remove") if gone else _KEEP
    if wanted.given_up:
        return _KEEP
    if wanted.backing_off:
        due = (wanted.retry_in_seconds or 0) <= 0
        return Decision("resume", wanted.failures) if due else _KEEP
    if setback is not None:
        return _after(setback, wanted, assessment, policy)
    if wanted.failures and ready_seconds >= policy.stable_seconds:
        return Decision("recover")
    return _KEEP


@dataclass(frozen=True, slots=True)
class Setback:
    """A failure, and whether the engine had been ready before it."""

    failure: Failure
    was_ready: bool
    is_final: bool = False
    """A second try would end in the same way, whatever its code says."""


def _after(setback: Setback, wanted: Wanted, assessment: Assessment, policy: Policy) -> Decision:
    """Decide about a failure.

    A replica that fails beside ready ones, or for the first time after it was ready, is restarted
    by Ray at once; any other failure ends the attempt.
    """
    failures = wanted.failures + 1
    if assessment.ready or (setback.was_ready and failures == 1):
        return Decision("note", failures, setback.failure)
    hopeless = setback.is_final or setback.failure.code in HOPELESS
    if hopeless or failures >= policy.retry_attempts:
        return Decision("give_up", failures, setback.failure)
    return Decision("retry", failures, setback.failure, policy.back_off_seconds(failures))


def find_setback(
    wanted: Wanted,
    observation: Observation,
    reports: Sequence[Report],
    decided: frozenset[str],
    now: float,
) -> tuple[Setback | None, frozenset[str]]:
    """Return the newest failure not yet `decided` about, and the incarnations it speaks for.

    A download that failed was tried often enough by the downloader: it ends the start.

    A failed report counts once. So does an incarnation that Ray no longer lists though nobody
    stopped it, and an application that Ray itself gave up.
    """
    if wanted.fetch is not None:
        failure = wanted.fetch.failure
        return (Setback(failure, False, is_final=True) if failure else None), frozenset()
    mine = [r for r in reports if r.identity == wanted.identity and r.incarnation not in decided]
    failed = [r for r in mine if r.failure is not None]
    app = observation.applications.get(wanted.name)
    if app is None or app.identity != wanted.identity:
        return _newest(failed)
    listed = {r.replica_id for r in app.replicas}
    lost = [
        r
        for r in mine
        if r.replica_id not in listed
        and r.phase != "stopping"
        and not r.is_fresh(now, _SETTLING_SECONDS)
    ]
    setback, told = _newest(failed or lost)
    mark = f"app:{wanted.identity}"
    if setback is None and app.deploy_failed and mark not in decided:
        return Setback(_from_ray(app.cause), was_ready=False), frozenset({mark})
    return setback, told


def _newest(reports: Sequence[Report]) -> tuple[Setback | None, frozenset[str]]:
    if not reports:
        return None, frozenset()
    newest = max(reports, key=lambda r: r.received)
    failure = newest.failure or Failure(
        "replica_lost",
        "The replica's process ended without a word: it was killed, or its node was lost.",
    )
    return Setback(failure, newest.was_ready), frozenset(r.incarnation for r in reports)


def _from_ray(cause: str) -> Failure:
    lines = [line.strip() for line in cause.splitlines() if line.strip()]
    known = understood(lines)
    if known is not None:
        return known
    last = lines[-1] if lines else None
    detail = last or "Ray could not start the replica and gave no cause."
    return Failure("replica_start_failed", detail, evidence=last)


def overdue(assessment: Assessment, phase_seconds: float, policy: Policy) -> Failure | None:
    """Return the failure of a start that shows no progress though its deadline has passed.

    `phase_seconds` is the monotonic time in the present phase. Replicas end a hanging start
    themselves; this is for what they can't see, and for replicas that hang.
    """
    if assessment.phase == "scheduling" and phase_seconds > policy.phase_deadline_seconds:
        detail = (
            f"No node had room for {policy.phase_deadline_seconds:.0f} s. {assessment.reason or ''}"
        )
        known = understood((assessment.reason or "").splitlines())
        if known is not None and known.code == "placement_impossible":
            return known
        return Failure("placement_timeout", detail.strip(), assessment.reason)
    lead = assessment.lead
    if lead is None or assessment.phase not in (
        "starting",
        "fetching",
        "loading",
        "compiling",
        "warming",
    ):
        return None
    total = sum(seconds for _, seconds in lead.timeline) + lead.phase_seconds
    if lead.idle_seconds > policy.phase_deadline_seconds + _MARGIN_SECONDS:
        detail = f"No progress in “{lead.phase}” for {lead.idle_seconds:.0f} s."
        return Failure("start_timeout", detail, lead.message)
    if total > policy.start_deadline_seconds + _MARGIN_SECONDS:
        return Failure("start_timeout", f"Not ready after {total:.0f} s.", lead.message)
    return None


def must_converge(wanted: Sequence[Wanted], observation: Observation) -> bool:
    """Whether what runs differs from what is to run, so that the whole set must be sent."""
    if not observation.reachable:
        return False
    if not observation.prepared:
        return True
    launched = {w.name: w for w in wanted if w.is_launched}
    for name, app in observation.applications.items():
        if name not in launched and not app.deleting:
            return True
    return any(_differs(w, observation) for w in launched.values())


def _differs(wanted: Wanted, observation: Observation) -> bool:
    app = observation.applications.get(wanted.name)
    if app is None or app.deleting or app.identity != wanted.identity:
        return True
    return app.replicas_target != wanted.replicas
