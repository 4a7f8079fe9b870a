"""The whole of what is remembered: two-second steps, minutes, and the database behind them."""

from collections.abc import Sequence

from vllm_manager.monitoring.samples.archive import Archive
from vllm_manager.monitoring.samples.columns import Ring
from vllm_manager.monitoring.samples.figures import Labels
from vllm_manager.monitoring.samples.lines import Series, merged
from vllm_manager.monitoring.samples.question import MINUTE, Question
from vllm_manager.monitoring.samples.rollup import Rollup
from vllm_manager.monitoring.samples.schemas import Source

_MOST_VALUES = 20_000
"""What one question may take out of the database, counted in values of series."""


class Past:
    """Answers from where a question's span and step lead it."""

    def __init__(self, fine: Ring, rollup: Rollup, archive: Archive) -> None:
        self._fine = fine
        self._rollup = rollup
        self._archive = archive

    def fitted(self, question: Question) -> Question:
        """Return the question with a step for which there are values, and not too many of them.

        After a restart that is a minute; of very many series it is longer.
        """
        if self._is_in_memory(question):
            return question
        columns = self._rollup.minutes.of(question.figure.name)
        count = sum(question.wants(labels) for labels in columns)
        finest = max(MINUTE, (question.end - question.start) * count / _MOST_VALUES)
        return question if question.step >= finest else question.coarser(finest)

    async def series(self, question: Question) -> tuple[Sequence[Series], Source]:
        """Return the series of a fitted question, and where the oldest of its values come from."""
        if self._is_in_memory(question):
            return list(self._cut(self._fine, question, 0).values()), "memory"
        minutes = self._rollup.minutes
        stored, end = await self._archive.read(question, self._rollup.now)
        recent = self._cut(minutes, question, end)
        unclosed = self._cut(self._fine, question, max(end, self._rollup.closed_until))
        return merged(stored, recent, unclosed), "database" if stored else "memory"

    def _is_in_memory(self, question: Question) -> bool:
        if self._rollup.began_empty and self._fine.is_whole:
            return True
        oldest = self._fine.oldest
        return oldest is not None and oldest * self._fine.step <= question.start + question.step

    def _cut(self, ring: Ring, question: Question, begin: int) -> dict[Labels, Series]:
        first = max(question.start, begin) // ring.step
        last = -(-question.end // ring.step)
        found: dict[Labels, Series] = {}
        for labels, column in ring.of(question.figure.name).items():
            span = ring.span(column, first, last) if question.wants(labels) else None
            if span is not None:
                found[labels] = Series(labels, [span], column.newest or None)
        return found
