"""Which rows a span of time is summed from: whole days where it can, hours at its edges."""

from datetime import UTC, date, datetime
from typing import NamedTuple

from vllm_manager.kit.errors import FieldError, invalid

HOUR_SECONDS = 3600
EPOCH_DAY = date(1970, 1, 1).toordinal()
_NO_END = 24 << 25

Range = tuple[int, int]
"""From the first up to, not including, the second."""


class Parts(NamedTuple):
    """Numbers of days and hours since 1970, in UTC. No hour lies within one of the days."""

    days: Range
    hours: tuple[Range, ...]


def day_number(day: date) -> int:
    """Return how many days after 1970 began `day` begins."""
    return day.toordinal() - EPOCH_DAY


def day_of(number: int) -> date:
    return date.fromordinal(number + EPOCH_DAY)


def parts_of(since: datetime | None, until: datetime | None, first_day_by_hour: int) -> Parts:
    """Return what to read for the hours that begin within [`since`, `until`).

    Of days before `first_day_by_hour` there are no hours: such a day counts whole if it begins
    within the span, else not at all.

    Raises:
        Problem: `invalid_request` (422) for a span that ends before it begins.
    """
    if since is not None and until is not None and until <= since:
        raise invalid([FieldError(field="to", message="Must be later than `from`.")])
    first = _first_hour(since) if since is not None else 0
    end = _first_hour(until) if until is not None else _NO_END
    first_day, end_day = -(-first // 24), end // 24
    if end_day < first_day:  # within one day
        return Parts((0, 0), _kept([(first, end)], first_day_by_hour))
    edges = _kept([(first, first_day * 24), (end_day * 24, end)], first_day_by_hour)
    if end > end_day * 24 and end_day < first_day_by_hour:
        end_day += 1
    return Parts((first_day, end_day), edges)


def _first_hour(at: datetime) -> int:
    """Return the first hour that begins at `at` or later."""
    seconds = at.astimezone(UTC).timestamp()
    return int(-(-seconds // HOUR_SECONDS))


def _kept(ranges: list[Range], first_day_by_hour: int) -> tuple[Range, ...]:
    return tuple(
        (first, end) for first, end in ranges if first < end and first // 24 >= first_day_by_hour
    )
