"""Figures for whoever asks: what there is, what it was over time, and what it is now."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from vllm_manager.kit.clock import Clock
from vllm_manager.monitoring.samples.columns import Ring
from vllm_manager.monitoring.samples.figures import FIGURES, Figure, Labels
from vllm_manager.monitoring.samples.history import History, HistoryUnavailableError, Line
from vllm_manager.monitoring.samples.lines import lines
from vllm_manager.monitoring.samples.newest import latest
from vllm_manager.monitoring.samples.past import Past
from vllm_manager.monitoring.samples.question import (
    FUNCTIONS,
    MEMORY_SECONDS,
    Question,
    ask,
    figure_named,
)
from vllm_manager.monitoring.samples.reading import FRESH_SECONDS, Board
from vllm_manager.monitoring.samples.schemas import (
    FigureInfo,
    Function,
    Latest,
    MetricAnswer,
    MetricSeries,
    Source,
)

log = logging.getLogger(__name__)

_MANY_VALUES = 2000
"""With more, others shall have their turn meanwhile."""


class Samples:
    """Answers from memory, the database, or the `History` that was set."""

    def __init__(
        self,
        board: Board,
        ring: Ring,
        past: Past,
        clock: Clock,
        history: History | None = None,
    ) -> None:
        """`history` is asked for spans that begin before the last hour."""
        self._board = board
        self._ring = ring
        self._past = past
        self._clock = clock
        self._history = history

    def figures(self) -> list[FigureInfo]:
        """Return everything that is measured, in the order in which it is shown."""
        return [
            FigureInfo(
                name=figure.name,
                kind=figure.kind,
                unit=figure.unit,
                about=figure.about,
                labels=list(figure.labels),
                functions=list(FUNCTIONS[figure.kind]),
            )
            for figure in FIGURES
        ]

    async def query(
        self,
        figure: str,
        *,
        since: datetime | None,
        until: datetime | None,
        span: str | None,
        points: int,
        by: Sequence[str] | None,
        where: Mapping[str, Sequence[str]],
        function: Function | None,
        quantile: float,
    ) -> MetricAnswer:
        """Return one figure over a span; see `question.ask` for the words.

        Raises:
            Problem: as `question.ask` does.
        """
        asked = ask(
            figure,
            now=self._clock.now(),
            since=since,
            until=until,
            span=span,
            points=points,
            by=by,
            where=where,
            function=function,
            quantile=quantile,
        )
        question = self._past.fitted(asked)
        found, source = await self._lines(question)
        return _answer(question, found, source, self._clock.now().timestamp())

    async def latest(
        self, figures: Sequence[str] | None, where: Mapping[str, Sequence[str]]
    ) -> Latest:
        """Return what is known now.

        Raises:
            Problem: `figure_not_found` (404).
        """
        names = {figure_named(name).name for name in figures} if figures else None

        def wants(figure: Figure, labels: Labels) -> bool:
            if names is not None and figure.name not in names:
                return False
            known = dict(labels)
            return all(known.get(label) in values for label, values in where.items())

        now = self._clock.now()
        return Latest(at=now, items=list(latest(self._board.fresh(), self._ring, wants, now)))

    async def _lines(self, question: Question) -> tuple[Sequence[Line], Source]:
        if self._history is not None and self._is_long(question):
            try:
                return await self._history.query(question), self._history.source
            except HistoryUnavailableError as error:
                log.warning("The database is asked instead: %s", error)
        series, source = await self._past.series(question)
        few = len(series) * question.steps < _MANY_VALUES
        if few and question.figure.kind != "histogram":  # those load numpy, the first time
            return lines(question, series), source
        return await asyncio.to_thread(lines, question, series), source

    def _is_long(self, question: Question) -> bool:
        return self._clock.now().timestamp() - question.start > MEMORY_SECONDS + question.step


def _answer(question: Question, found: Sequence[Line], source: Source, now: float) -> MetricAnswer:
    newest = max((line.newest for line in found if line.newest is not None), default=None)
    stale = all(_is_stale(question, line.newest, now) for line in found)
    times = list(range(question.start, question.end, question.step))
    # Made here, of what was just computed: to validate each point again takes longer than that.
    return MetricAnswer.model_construct(
        figure=question.figure.name,
        unit=question.unit,
        function=question.function,
        quantile=question.quantile if question.function == "quantile" else None,
        start=_moment(question.start),
        end=_moment(question.end),
        step_seconds=question.step,
        series=[_series(question, times, line, now) for line in found],
        source=source,
        newest_at=None if newest is None else _moment(newest),
        stale_since=_moment(newest) if stale and newest is not None else None,
    )


def _series(question: Question, times: Sequence[int], line: Line, now: float) -> MetricSeries:
    stale = _is_stale(question, line.newest, now)
    newest = None if line.newest is None else _moment(line.newest)
    return MetricSeries.model_construct(
        labels=dict(line.labels),
        points=list(zip(times, line.values, strict=True)),
        highest=None if line.highest is None else list(line.highest),
        newest_at=newest,
        stale_since=newest if stale else None,
    )


def _is_stale(question: Question, newest: float | None, now: float) -> bool:
    """Whether a line that should reach until now does not."""
    return newest is not None and question.end >= now and now - newest > FRESH_SECONDS


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
