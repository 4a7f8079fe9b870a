"""A span is read as days where it can be, and as hours at its edges."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from vllm_manager.limits.spans import Parts, day_number, day_of, parts_of

DAY = day_number(date(2026, 11, 20))
BEGIN = datetime(2026, 11, 20, tzinfo=UTC)


def at(days: int, hours: float = 0) -> datetime:
    return BEGIN + timedelta(days=days, hours=hours)


def hour(days: int, hours: int) -> int:
    return (DAY + days) * 24 + hours


def test_a_day_s_number_is_its_own() -> None:
    assert (day_number(date(1970, 1, 1)), day_number(date(1970, 1, 2))) == (0, 1)
    assert day_of(DAY) == date(2026, 11, 20)


@pytest.mark.parametrize(
    ("since", "until", "parts"),
    [
        (at(0), at(2), Parts((DAY, DAY + 2), ())),
        (at(0, 6), at(2), Parts((DAY + 1, DAY + 2), ((hour(0, 6), hour(1, 0)),))),
        (at(0), at(2, 6), Parts((DAY, DAY + 2), ((hour(2, 0), hour(2, 6)),))),
        (at(0, 6), at(0, 9), Parts((0, 0), ((hour(0, 6), hour(0, 9)),))),
        (at(0, 6.5), at(0, 8.5), Parts((0, 0), ((hour(0, 7), hour(0, 9)),))),
        (at(0, 6.2), at(0, 6.8), Parts((0, 0), ())),
        (
            at(0, 23),
            at(1, 1),
            Parts((DAY + 1, DAY + 1), ((hour(0, 23), hour(1, 0)), (hour(1, 0), hour(1, 1)))),
        ),
    ],
)
def test_of_days_with_hours(since: datetime, until: datetime, parts: Parts) -> None:
    assert parts_of(since, until, 0) == parts


@pytest.mark.parametrize(
    ("since", "until", "days"),
    [
        (at(0, 6), at(2), (DAY + 1, DAY + 2)),
        (at(0), at(2, 6), (DAY, DAY + 3)),
        (at(0), at(0, 6), (DAY, DAY + 1)),
        (at(0, 6), at(0, 9), (0, 0)),
        (at(0, 6), at(2, 6), (DAY + 1, DAY + 3)),
    ],
)
def test_a_day_without_hours_counts_whole_if_it_begins_within_the_span(
    since: datetime, until: datetime, days: tuple[int, int]
) -> None:
    assert parts_of(since, until, DAY + 10) == Parts(days, ())


def test_a_span_may_be_open() -> None:
    assert parts_of(at(0), None, 0).days[0] == DAY
    assert parts_of(None, at(0), 0) == Parts((0, DAY), ())
    assert parts_of(None, None, 0).hours == ()


def test_hours_of_another_zone_are_those_of_utc() -> None:
    east = BEGIN.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert parts_of(east, at(1), 0) == Parts((DAY, DAY + 1), ())
