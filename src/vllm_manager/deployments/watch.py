"""What the control plane remembers of a deployment between two looks: times, decisions."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, get_args

from vllm_manager.deployments.observed import Identity, Report
from vllm_manager.deployments.states import START_ORDER, Assessment, Phase

_OWN_PHASES: Final[tuple[Phase, ...]] = ("queued", "fetching", "scheduling")
"""Phases that no replica can measure: it does not exist yet."""


@dataclass(slots=True)
class Watch:
    """Times are monotonic seconds unless they end in `_at`. Lost with the process."""

    identity: Identity
    phase: Phase
    since: float
    since_at: datetime
    began: float
    from_start: bool = True
    """Whether this start was seen from its beginning, so that its times are whole."""
    progress_at: datetime | None = None
    ready_since: float | None = None
    retry_at: float | None = None
    start_recorded: bool = False
    decided: frozenset[str] = frozenset()
    own: dict[Phase, float] = field(default_factory=dict[Phase, float])
    measured: tuple[tuple[Phase, float], ...] = ()
    """The phases of the last start that was seen, the running one included."""
    _mark: object = None
    _told: Phase = "queued"

    def renew(self, identity: Identity, now: float) -> None:
        """Begin anew for another launch; what was decided of the old one is of no more use."""
        self.identity = identity
        self.began = now
        self.from_start = True
        self.ready_since = None
        self.start_recorded = False
        self.decided = frozenset()
        self.own = {}

    def resume(self, phase: str | None, at: datetime) -> None:
        """After a restart of this process: the phase that was last recorded, and since when."""
        self.from_start = False
        for known in get_args(Phase):
            if known == phase:
                self.phase, self.since_at = known, at
                self.told()
                self.start_recorded = known in ("ready", "degraded", "unreachable")

    @property
    def has_news(self) -> bool:
        """Whether the phase is another one than was last written down."""
        return self.phase != self._told

    def told(self) -> None:
        """The present phase was written down, by this control plane or the one that leads."""
        self._told = self.phase

    def look(self, assessment: Assessment, now: float, at: datetime) -> None:
        """Take in an assessment."""
        if self.phase in _OWN_PHASES and self.retry_at is None:
            self.own[self.phase] = self.own.get(self.phase, 0.0) + (now - self._counted(now))
        if assessment.phase != self.phase:
            self.phase, self.since, self.since_at = assessment.phase, now, at
        self._last_look = now
        lead = assessment.lead
        fetch = assessment.fetch
        here = fetch and (fetch.state, fetch.bytes_done)
        mark = (assessment.phase, here, lead and (lead.phase, lead.progress, lead.message))
        if mark != self._mark:
            self._mark, self.progress_at = mark, at
        if assessment.phase != "ready":
            self.ready_since = None
        elif self.ready_since is None:
            self.ready_since = now
        self._measure(assessment)

    def ready_seconds(self, now: float) -> float:
        """Return how long it has been ready without a break."""
        return now - self.ready_since if self.ready_since is not None else 0.0

    _last_look: float | None = None

    def _counted(self, now: float) -> float:
        return self._last_look if self._last_look is not None else now

    def _measure(self, assessment: Assessment) -> None:
        lead = assessment.lead
        if lead is None and assessment.phase not in _OWN_PHASES:
            return
        steps: dict[Phase, float] = {
            phase: self.own[phase] for phase in _OWN_PHASES if phase in self.own
        }
        if lead is not None:
            steps |= _reported(lead)
        self.measured = tuple(steps.items())


def _reported(lead: Report) -> dict[Phase, float]:
    """Return the seconds of each phase that a replica has measured, the running one included."""
    times = dict(lead.timeline)
    times[lead.phase] = times.get(lead.phase, 0.0) + lead.phase_seconds
    return {phase: times[phase] for phase in START_ORDER[1:-1] if phase in times}


def total_seconds(steps: Sequence[tuple[Phase, float]]) -> float:
    """Return the length of a start."""
    return sum(seconds for _, seconds in steps)
