"""Where a span's values lie among a question's steps, and one value of those in each (pure)."""

from collections.abc import Callable, Iterable, Sequence
from itertools import zip_longest
from typing import Final, NamedTuple

from vllm_manager.monitoring.samples.columns import Number, Span
from vllm_manager.monitoring.samples.question import Question

Values = list[float | None]
"""One for each step of a question; None where it is unknown."""
_MOST_STRIDES: Final = 8
"""With more values in a step, it is quicker to take step by step."""


class Layout(NamedTuple):
    """How a span's values fall into the question's steps."""

    place: int
    """The step of the question in which the first of them lies."""
    first: int
    """Index of the first value that belongs to the question."""
    until: int
    per_step: int
    head: int
    """How many values lie in a first step that began before them; 0: it begins with them."""

    @property
    def starts(self) -> Sequence[int]:
        """Where each step begins among the values that belong to the question."""
        whole = range(self.head, self.until - self.first, self.per_step)
        return [0, *whole] if self.head else whole

    @property
    def counts(self) -> list[int]:
        """How many values lie in each step."""
        rest = self.until - self.first - self.head
        whole, tail = divmod(rest, self.per_step)
        return [*self._head(), *[self.per_step] * whole, *([tail] if tail else [])]

    def _head(self) -> list[int]:
        return [self.head] if self.head else []

    def reduced(
        self, values: Sequence[Number], reduce: Callable[[Iterable[Number]], Number], fill: Number
    ) -> Sequence[Number]:
        """Return one value of those in each step. `fill` changes no reduction."""
        if self.per_step == 1:
            return values[self.first : self.until]
        begin = self.first + self.head
        found = [reduce(values[self.first : begin])] if self.head else []
        part = values[begin : self.until]
        if self.per_step > _MOST_STRIDES:
            starts = range(0, len(part), self.per_step)
            return [*found, *(reduce(part[n : n + self.per_step]) for n in starts)]
        strides = [part[k :: self.per_step] for k in range(self.per_step)]
        return [*found, *map(reduce, zip_longest(*strides, fillvalue=fill))]


def layout_of(question: Question, span: Span, length: int) -> Layout | None:
    """Return where a span of `length` values lies; None where the question wants none of them."""
    per_step = max(1, question.step // span.step)
    first = max(0, -(-(question.start - span.start) // span.step))
    until = min(length, (question.end - span.start) // span.step)
    if first >= until:
        return None
    place, after = divmod(span.start + first * span.step - question.start, question.step)
    head = min(until - first, per_step - after // span.step) if after else 0
    return Layout(place, first, until, per_step, head)


def cleared(
    values: Sequence[float], layout: Layout, fill: float
) -> tuple[Sequence[float], Sequence[int]]:
    """Return the values with `fill` for what is unknown, and how many are known by step."""
    total = sum(values[layout.first : layout.until])
    if total == total:  # with one unknown value it would not be
        return values, layout.counts
    known = [int(value == value) for value in values]
    cleared = [value if value == value else fill for value in values]
    return cleared, layout.reduced(known, sum, 0)
