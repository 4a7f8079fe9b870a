"""The port to something else that remembers figures for long: a Prometheus, where one is set."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from vllm_manager.monitoring.samples.figures import Labels
from vllm_manager.monitoring.samples.question import Question
from vllm_manager.monitoring.samples.schemas import Source


class Line(NamedTuple):
    """One line of an answer, on the question's grid."""

    labels: Labels
    """Those of the question's `by` that it has, in the figure's order."""
    values: Sequence[float | None]
    """One per step of the question. None: nothing is known of that step; never 0, never guessed."""
    highest: Sequence[float | None] | None = None
    """The highest value within each step; None where the function has no such, or it is unknown."""
    newest: float | None = None
    """When its newest value was measured, in seconds since 1970."""


class HistoryUnavailableError(Exception):
    """It did not answer, or answered with an error; the text says which, for people."""


class History(Protocol):
    """Answers questions over spans that begin before what is held in memory."""

    @property
    def source(self) -> Source:
        """What answers say of where they come from."""
        ...

    async def query(self, question: Question) -> Sequence[Line]:
        """Return every line of the question, in any order; none where it knows nothing of it.

        Raises:
            HistoryUnavailableError: it can't tell. The database is asked instead.
        """
        ...
