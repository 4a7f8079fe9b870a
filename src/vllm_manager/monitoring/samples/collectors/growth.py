"""A counter of a whole whose parts come and go: it only grows, and never by what is past."""

from collections.abc import Mapping
from typing import Generic, TypeVar

Part = TypeVar("Part")


class Growth(Generic[Part]):
    """Adds up what each part has counted since the look before.

    A part that is seen for the first time adds nothing yet: what it has counted until then it has
    counted at times that nobody knows. One that has gone takes nothing away.
    """

    def __init__(self) -> None:
        self._before: Mapping[Part, float] = {}
        self._total = 0.0

    def add(self, parts: Mapping[Part, float]) -> float:
        """Take what every part counts now, and return the total."""
        for part, value in parts.items():
            before = self._before.get(part)
            if before is not None:
                # A counter that is lower than it was began anew, at 0.
                self._total += value - before if value >= before else value
        self._before = dict(parts)
        return self._total
