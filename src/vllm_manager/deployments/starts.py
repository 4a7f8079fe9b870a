"""Counts of starts that reached ready, for monitoring."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Spent:
    """How often a phase was gone through, and the seconds that it took altogether."""

    count: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class StartCounts:
    """Since this process began: starts by how they were done, and their phases."""

    totals: Counter[str] = field(default_factory=Counter[str])
    phases: dict[tuple[str, str], Spent] = field(default_factory=dict[tuple[str, str], Spent])

    def add(self, how: str | None, phases: Iterable[tuple[str, float]]) -> None:
        """Count one start; `phases` are pairs of phase and seconds."""
        known = how if how in ("cold", "warm") else "unknown"
        self.totals[known] += 1
        for phase, seconds in phases:
            spent = self.phases.setdefault((known, phase), Spent())
            spent.count += 1
            spent.seconds += seconds
