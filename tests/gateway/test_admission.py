"""Admission: all bounds or none, given back once."""

import pytest

from vllm_manager.gateway.admission import Admission, Claim, Denial, Ticket, admission_for
from vllm_manager.gateway.counts import (
    Counts,
    clear_row,
    create_private,
    create_shared,
    open_shared,
)
from vllm_manager.gateway.queueing import End, Terms, TurnedAway

TERMS = Terms(slots=2, most_waiting=0, longest_wait_seconds=30)
CLAIM = Claim("demo", "usr_1", "key_1", TERMS)


@pytest.fixture
def counts() -> Counts:
    return create_private()


def reserve(admission: Admission, claim: Claim = CLAIM) -> Ticket:
    ticket = admission.reserve(claim)
    assert isinstance(ticket, Ticket)
    return ticket


def test_a_claim_within_every_bound_is_counted_everywhere(counts: Counts) -> None:
    reserve(admission_for(counts, 10))
    assert (counts.total("demo"), counts.total("")) == (1, 1)


def test_a_model_at_its_maximum_denies_and_takes_nothing(counts: Counts) -> None:
    admission = admission_for(counts, 10)
    reserve(admission)
    reserve(admission)
    away = admission.reserve(CLAIM)
    assert isinstance(away, TurnedAway)
    assert (away.end, away.terms) == (End.NO_QUEUE, TERMS)
    assert (counts.total("demo"), counts.total("")) == (2, 2)


def test_a_full_gateway_denies_every_model(counts: Counts) -> None:
    admission = admission_for(counts, 1)
    reserve(admission)
    denial = admission.reserve(Claim("other", "usr_1", None, None))
    assert isinstance(denial, Denial)
    assert not denial.is_callers_limit
    assert counts.total("other") == 0


def test_settling_makes_room_again(counts: Counts) -> None:
    admission = admission_for(counts, 1)
    assert reserve(admission).settle()
    assert (counts.total("demo"), counts.total("")) == (0, 0)
    reserve(admission)


def test_settling_twice_gives_back_once(counts: Counts) -> None:
    admission = admission_for(counts, 10)
    first = reserve(admission)
    reserve(admission)
    assert first.settle()
    assert not first.settle()
    assert counts.total("demo") == 1


def test_a_model_without_a_maximum_is_bound_by_the_gateway_alone(counts: Counts) -> None:
    admission = admission_for(counts, 50)
    for _ in range(50):
        reserve(admission, CLAIM._replace(terms=None))
    assert isinstance(admission.reserve(CLAIM), Denial)


def test_workers_see_each_other_s_requests() -> None:
    with create_shared(2) as shared:
        first, second = (open_shared(shared.fileno(), worker) for worker in (0, 1))
        reserve(admission_for(first, 10), CLAIM._replace(terms=TERMS._replace(slots=1)))
        admission = admission_for(second, 10)
        claim = CLAIM._replace(terms=TERMS._replace(slots=1))
        assert isinstance(admission.reserve(claim), TurnedAway)


def test_what_a_dead_worker_held_is_forgotten() -> None:
    with create_shared(2) as shared:
        first, second = (open_shared(shared.fileno(), worker) for worker in (0, 1))
        first.add("demo", 3)
        second.add("demo", 1)
        clear_row(shared.fileno(), 0)
        assert second.total("demo") == 1


def test_each_of_ten_thousand_names_has_a_count_of_its_own() -> None:
    names = [f"key:key_{number}" for number in range(10_000)]
    with create_shared(2) as shared:
        first, second = (open_shared(shared.fileno(), worker) for worker in (0, 1))
        for number, name in enumerate(names):
            (first if number % 2 else second).add(name, number)
        assert [first.total(name) for name in names] == list(range(10_000))
        assert [second.total(name) for name in reversed(names)] == list(range(9_999, -1, -1))


def test_a_dead_worker_s_row_is_forgotten_and_names_keep_their_places() -> None:
    with create_shared(2) as shared:
        first, second = (open_shared(shared.fileno(), worker) for worker in (0, 1))
        for number in range(1000):
            first.add(f"name {number}", 1)
        clear_row(shared.fileno(), 0)
        anew = open_shared(shared.fileno(), 0)
        anew.add("name 7", 2)
        assert second.total("name 7") == 2
        assert sum(second.total(f"name {number}") for number in range(1000)) == 2
