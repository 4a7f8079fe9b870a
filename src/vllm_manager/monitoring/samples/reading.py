"""What was measured: samples, who yields them, and the newest of each source while it is fresh."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Protocol

from vllm_manager.kit.clock import Clock
from vllm_manager.monitoring.samples.figures import Labels

FRESH_SECONDS: Final = 10.0
"""Whatever is older is shown as unknown: its source has gone silent."""


class Distribution(NamedTuple):
    """A histogram since its process began: how many values were at most each bound."""

    bounds: tuple[float, ...]
    """Upper bounds, rising; the last is infinite."""
    counts: tuple[float, ...]
    """Cumulative: as many as bounds."""
    total: float
    """Sum of all values."""


class Sample(NamedTuple):
    """One value of one figure (`figures.FIGURES`). Unknown values have no sample."""

    figure: str
    labels: Labels
    value: float | Distribution


class Reading(NamedTuple):
    """All that one source said at one moment."""

    source: str
    at: datetime
    received: float
    """Monotonic seconds."""
    samples: Sequence[Sample]


class Collector(Protocol):
    """A source of samples that is asked every two seconds."""

    @property
    def name(self) -> str: ...

    async def collect(self) -> Sequence[Sample]:
        """Return what is known now; raise nothing for a part that can't be read: leave it out."""
        ...


class Board:
    """The newest reading of each source."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._readings: dict[str, Reading] = {}

    def put(self, source: str, samples: Sequence[Sample], age_seconds: float = 0.0) -> Reading:
        """Replace what `source` said before. `age_seconds`: how long ago it was measured."""
        at = self._clock.now() - timedelta(seconds=age_seconds)
        reading = Reading(source, at, self._clock.monotonic() - age_seconds, samples)
        self._readings[source] = reading
        return reading

    def fresh(self) -> Mapping[str, Reading]:
        """Return the readings by source that are younger than `FRESH_SECONDS`; forget the rest."""
        now = self._clock.monotonic()
        self._readings = {
            source: reading
            for source, reading in self._readings.items()
            if now - reading.received < FRESH_SECONDS
        }
        return self._readings
