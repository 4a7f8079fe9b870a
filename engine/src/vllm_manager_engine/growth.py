"""A sum over parts that come and go: it only grows, and never by what is past."""

from collections.abc import Hashable, Mapping
from typing import Generic, TypeVar

Part = TypeVar("Part", bound=Hashable)


class Growth(Generic[Part]):
    """A part that is seen for the first time adds nothing yet; one that has gone takes nothing."""

    def __init__(self) -> None:
        self._before: Mapping[Part, float] = {}
        self._total = 0.0

    def add(self, parts: Mapping[Part, float]) -> float:
        """Take what every part counts now, and return the total."""
        for part, value in parts.items():
            before = self._before.get(part)
            if before is not None:
                self._total += value - before if value >= before else value
        self._before = parts
        return self._total
