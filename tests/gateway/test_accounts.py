"""Rows of subjects: who keeps one, whose becomes another's, and what a worker does that held it."""

from collections.abc import Sequence

import pytest

from support.desk import Desk
from vllm_manager.gateway.accounts import Accounts, private_accounts
from vllm_manager.gateway.plans import Limited
from vllm_manager.gateway.reservations import private_reservations

pytestmark = pytest.mark.integration

MANY = 62_000
MONTH_SECONDS = 31 * 86_400.0


def filled(
    accounts: Accounts, names: str, count: int = MANY, seconds: float = 1000.0
) -> Sequence[int]:
    """Look for so many subjects at once; return the rows of those who have got one."""
    places = [accounts.place(f"key:{names}{number}", seconds, 1) for number in range(count)]
    return [place[0] for place in places if place is not None]


@pytest.fixture(scope="module")
def crowded() -> Accounts:
    """Accounts that are nearly full of subjects who have used nothing."""
    accounts = private_accounts()
    filled(accounts, "old")
    return accounts


def copy(accounts: Accounts) -> Accounts:
    memory = memoryview(bytearray(accounts.cells.cast("B")))
    return Accounts(memory, None, private_reservations())


def sibling(desk: Desk) -> Desk:
    """Return another worker of the same gateway, at the same time."""
    shared = Accounts(desk.accounts.cells.cast("B"), None, private_reservations())
    return Desk(shared, desk.seconds, desk.day_seconds)


def crowd_out(desk: Desk, row: int) -> None:
    """Let other subjects come until one has got this row."""
    name = desk.accounts.names[row]
    for number in range(200_000):
        desk.limited(f"key:new{number}", None, requests_per_minute=1)
        if desk.accounts.names[row] != name:
            return
    raise AssertionError("nobody has got the row")


def limited(desk: Desk, **limits: int) -> Limited:
    return desk.limited("key:k", None, **limits)


def test_as_many_subjects_as_there_are_rows_have_one_of_their_own() -> None:
    rows = filled(private_accounts(), "one")
    assert len(rows) == len(set(rows)) == MANY


def test_rows_at_rest_become_others_and_those_in_use_stay(crowded: Accounts) -> None:
    desk = Desk(copy(crowded))
    key = limited(desk, tokens_per_month=100)
    desk.admitted(key, tokens=60).settle(60)
    desk.seconds += 2 * 3600
    new = [desk.limited(f"key:new{number}", None, tokens_per_month=1) for number in range(20_000)]
    rows = {one.row for one in new}
    assert len(rows) == len(new)
    assert key.row not in rows
    desk.admitted(key, tokens=60).settle(60)
    assert desk.denied(key).code == "insufficient_quota"


def test_what_was_looked_for_within_the_hour_stays(crowded: Accounts) -> None:
    accounts = copy(crowded)
    names = [*accounts.names[0::8]]
    rows = filled(accounts, "new", 5000, seconds=1000.0 + 3599)
    assert len(rows) < 5000
    assert [new for old, new in zip(names, accounts.names[0::8], strict=True) if old] == [
        old for old in names if old
    ]


def test_a_worker_that_held_a_row_finds_another_for_its_subject(crowded: Accounts) -> None:
    one = Desk(copy(crowded))
    key = limited(one, requests_per_minute=2)
    plan = one.book.plan([key])
    one.seconds += MONTH_SECONDS
    other = sibling(one)
    crowd_out(other, key.row)
    theirs = [*one.accounts.cells[key.row : key.row + 8]]
    today = one.book.calendar()
    for expected in (True, True, False):
        assert one.book.has_room(plan, 1, today) == expected
        if expected:
            one.book.take(plan, 1, today)
    assert [*one.accounts.cells[key.row : key.row + 8]] == theirs
    assert other.book.open("key:k", None) == plan.limited[0].row != key.row


def test_what_is_settled_late_is_given_back_to_nobody_else(crowded: Accounts) -> None:
    one = Desk(copy(crowded))
    key = limited(one, tokens_per_minute=1000, tokens_per_day=1000, tokens_per_month=1000)
    ticket = one.admitted(key, tokens=500)
    one.seconds += MONTH_SECONDS
    one.day_seconds += MONTH_SECONDS
    other = sibling(one)
    crowd_out(other, key.row)
    theirs = [*one.accounts.cells[key.row : key.row + 8]]
    ticket.settle(10)
    assert [*one.accounts.cells[key.row : key.row + 8]] == theirs
    assert sum(one.accounts.reservations.open[0::24]) == 0
    again = limited(one, tokens_per_month=1000)
    one.admitted(again, tokens=1000).settle(1000)
    assert one.denied(again).code == "insufficient_quota"
