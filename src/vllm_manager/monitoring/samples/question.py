"""What is asked of a figure: checked, and laid on a grid of steps (pure)."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from vllm_manager.kit.errors import FieldError, invalid, not_found
from vllm_manager.monitoring.samples.figures import BY_NAME, Figure, Kind, Labels
from vllm_manager.monitoring.samples.schemas import Function

FUNCTIONS: Final[Mapping[Kind, tuple[Function, ...]]] = {
    "gauge": ("value", "mean"),
    "counter": ("rate", "value"),
    "histogram": ("quantile", "mean", "rate"),
}
"""What can be asked of each kind; the first is meant where nothing is said."""

MINUTE: Final = 60
TEN_MINUTES: Final = 600
HOUR: Final = 3600
DAY: Final = 86_400
MEMORY_SECONDS: Final = HOUR
WEEK_SECONDS: Final = 7 * DAY
YEAR_SECONDS: Final = 366 * DAY

DEFAULT_POINTS: Final = 300
MOST_POINTS: Final = 2000
_STEPS: Final = (2, 4, 6, 10, 20, 30, 60, 120, 180, 300, 600, 1200, 1800)
_LONG_STEPS: Final = (*(h * HOUR for h in (1, 2, 3, 4, 6, 12, 24, 48, 96)), 7 * DAY)
_FIRST_YEAR: Final = 1970
_LAST_YEAR: Final = 2200
_SPAN: Final = re.compile(r"(\d{1,5})([smhdw])")
_SPAN_SECONDS: Final = {"s": 1, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}


@dataclass(frozen=True, slots=True)
class Question:
    """One figure over one span, on a grid: step k begins at `start + k * step`."""

    figure: Figure
    function: Function
    quantile: float
    """0 to 1; only meant where the function is `quantile`."""
    by: tuple[str, ...]
    """Labels that series are told apart by; those that agree in them are put together."""
    where: Mapping[str, frozenset[str]]
    """Of these labels only series with one of these values."""
    start: int
    """Seconds since 1970, a multiple of `step`."""
    end: int
    """Exclusive, a multiple of `step`."""
    step: int

    @property
    def steps(self) -> int:
        return (self.end - self.start) // self.step

    @property
    def unit(self) -> str:
        """What the answer's points are in."""
        return unit_of(self.figure, self.function)

    def coarser(self, finest: float) -> "Question":
        """Return the question with a step of at least `finest` seconds."""
        step = _step_from(finest)
        return replace(
            self, step=step, start=self.start // step * step, end=-(-self.end // step) * step
        )

    def wants(self, labels: Labels) -> bool:
        """Whether a series belongs to the answer."""
        if not self.where:
            return True
        known = dict(labels)
        return all(known.get(name) in values for name, values in self.where.items())

    def group(self, labels: Labels) -> Labels:
        """Return the labels of the line that a series is a part of."""
        return tuple(pair for pair in labels if pair[0] in self.by)


def unit_of(figure: Figure, function: Function) -> str:
    """Return what a function of a figure is in."""
    if function != "rate":
        return figure.unit
    if figure.kind == "histogram" or figure.unit == "count":
        return "per_second"
    return "cores" if figure.unit == "seconds" else f"{figure.unit}_per_second"


def ask(
    figure: str,
    *,
    now: datetime,
    since: datetime | None = None,
    until: datetime | None = None,
    span: str | None = None,
    points: int = DEFAULT_POINTS,
    by: Sequence[str] | None = None,
    where: Mapping[str, Sequence[str]] | None = None,
    function: Function | None = None,
    quantile: float = 0.95,
) -> Question:
    """Return the question, checked.

    `by` None: every series for itself. `span` (`1h`) counts back from `until`, which is now where
    it is not said.

    Raises:
        Problem: `figure_not_found` (404); `invalid_request` (422) with the field.
    """
    about = figure_named(figure)
    chosen = function or FUNCTIONS[about.kind][0]
    if chosen not in FUNCTIONS[about.kind]:
        raise _wrong(
            "function",
            f"A {about.kind} such as {figure} has {' and '.join(FUNCTIONS[about.kind])}.",
            FUNCTIONS[about.kind][0],
        )
    _refuse_far("from", since)
    _refuse_far("to", until)
    end = (until or now).timestamp()
    start = _start(since, span, end)
    step = step_of(start, end, now.timestamp(), points)
    return Question(
        figure=about,
        function=chosen,
        quantile=quantile,
        by=about.labels if by is None else _known_labels(about, by),
        where={n: frozenset(values) for n, values in (where or {}).items() if values},
        start=math.floor(start / step) * step,
        # The step that is not over belongs to it, where it reaches until now.
        end=(math.floor(end / step) + 1 if until is None else math.ceil(end / step)) * step,
        step=step,
    )


def figure_named(name: str) -> Figure:
    """Return the figure.

    Raises:
        Problem: `figure_not_found` (404).
    """
    if name not in BY_NAME:
        raise not_found("figure", name, [known for known in BY_NAME if _resembles(known, name)])
    return BY_NAME[name]


def step_of(start: float, end: float, now: float, points: int) -> int:
    """Return the seconds between points: no finer than asked, nor than what is kept so long."""
    finest = max((end - start) / points, _kept_every(now - start))
    return _step_from(finest)


def _step_from(finest: float) -> int:
    steps = (*_STEPS, *_LONG_STEPS)
    return next((step for step in steps if step >= finest), steps[-1])


def _kept_every(age_seconds: float) -> int:
    if age_seconds > WEEK_SECONDS + DAY:
        return HOUR
    return 2 if age_seconds <= MEMORY_SECONDS + MINUTE else MINUTE


def _refuse_far(field: str, moment: datetime | None) -> None:
    """Refuse what can't be reckoned with near the ends of the calendar, and is never meant."""
    if moment is not None and not _FIRST_YEAR <= moment.year < _LAST_YEAR:
        raise _wrong(field, f"Must be in the years {_FIRST_YEAR} to {_LAST_YEAR - 1}.")


def _start(since: datetime | None, span: str | None, end: float) -> float:
    if since is not None and span is not None:
        raise _wrong("range", "Give either `from` or `range`.")
    start = since.timestamp() if since is not None else end - span_seconds(span or "1h")
    if start >= end:
        raise _wrong("from", "Must be earlier than `to`.")
    if end - start > YEAR_SECONDS:
        raise _wrong("from", "At most a year can be asked for at once.", "range=365d")
    return start


def span_seconds(text: str) -> int:
    """Return how long `15m`, `1h`, `7d` is.

    Raises:
        Problem: `invalid_request` (422).
    """
    found = _SPAN.fullmatch(text)
    if found is None or int(found[1]) == 0:
        raise _wrong("range", f"“{text}” is no span of time.", "15m, 1h, 7d")
    return int(found[1]) * _SPAN_SECONDS[found[2]]


def _known_labels(figure: Figure, by: Sequence[str]) -> tuple[str, ...]:
    named = [name for text in by for name in text.split(",") if name]
    for name in named:
        if name not in figure.labels:
            raise _wrong("by", f"{figure.name} has no label “{name}”.", ", ".join(figure.labels))
    return tuple(name for name in figure.labels if name in named)


def _resembles(known: str, asked: str) -> bool:
    return bool(set(known.split("_")) & set(asked.split("_")) - {"total", "seconds", "bytes"})


def _wrong(field: str, message: str, suggestion: str | None = None) -> Exception:
    return invalid([FieldError(field=field, message=message, suggestion=suggestion)])
