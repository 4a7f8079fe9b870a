"""Rates and quotas on a clock of the test's own: what is admitted, what comes back, what stays."""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from support.desk import Desk
from vllm_manager.gateway.accounts import open_accounts
from vllm_manager.gateway.admission import Ticket
from vllm_manager.gateway.answers import Refusal
from vllm_manager.gateway.identity import Asker
from vllm_manager.gateway.plans import NO_PLAN, Limited, span
from vllm_manager.gateway.snapshot import Limits, Snapshot, Used
from vllm_manager.gateway.subjects import Subjects


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_minute_s_worth_is_there_at_once_and_flows_back(desk: Desk) -> None:
    key = desk.limited(requests_per_minute=3)
    for _ in range(3):
        desk.admitted(key).settle()
    denial = desk.denied(key)
    assert denial.code == "rate_limit_exceeded"
    assert denial.retry_after_seconds == pytest.approx(20)
    desk.seconds += 19.9
    desk.denied(key)
    desk.seconds += 0.2
    desk.admitted(key)


def test_what_was_reserved_and_not_used_comes_back(desk: Desk) -> None:
    key = desk.limited(tokens_per_minute=1000)
    ticket = desk.admitted(key, tokens=900)
    desk.denied(key, tokens=200)
    assert ticket.settle(100)
    desk.admitted(key, tokens=900)


def test_what_was_used_beyond_the_reservation_is_a_debt(desk: Desk) -> None:
    key = desk.limited(tokens_per_minute=600)
    desk.admitted(key, tokens=100).settle(1200)
    assert desk.told(key)["x-ratelimit-remaining-tokens"] == "0"
    assert desk.denied(key, tokens=10).retry_after_seconds == pytest.approx(61)


def test_a_request_larger_than_the_bucket_waits_for_a_full_one(desk: Desk) -> None:
    key = desk.limited(tokens_per_minute=100)
    desk.admitted(key, tokens=5000).settle(50)
    denial = desk.denied(key, tokens=5000)
    assert denial.retry_after_seconds == pytest.approx(30)
    desk.seconds += 30
    desk.admitted(key, tokens=5000)


def test_requests_under_way_are_given_back_when_they_end(desk: Desk) -> None:
    key = desk.limited(concurrent_requests=2)
    first, _ = desk.admitted(key), desk.admitted(key)
    assert "2 requests at once" in desk.denied(key).message
    first.settle()
    desk.admitted(key)


def test_all_limits_or_none_are_taken(desk: Desk) -> None:
    key, team = desk.limited(requests_per_minute=100), desk.limited("team:t", tokens_per_minute=10)
    desk.admitted(key, team, tokens=10)
    before = desk.told(key)
    denial = desk.denied(key, team, tokens=10)
    assert "the team:t" in denial.message
    assert desk.told(key) == before
    assert desk.counts.total("") == 1


def test_the_longest_wait_of_all_is_told(desk: Desk) -> None:
    key = desk.limited(requests_per_minute=60)
    user = desk.limited("user:u", requests_per_minute=1)
    desk.admitted(key, user)
    denial = desk.denied(key, user)
    assert denial.retry_after_seconds == pytest.approx(60)
    assert "1 requests a minute" in denial.message


@pytest.mark.parametrize(
    ("limits", "wait_seconds"),
    [({"tokens_per_day": 100}, 43_200), ({"tokens_per_month": 100}, 6.5 * 86_400)],
)
def test_a_quota_begins_anew_with_its_day_or_month(
    desk: Desk, limits: dict[str, int], wait_seconds: float
) -> None:
    key = desk.limited("key:k", None, **limits)
    desk.admitted(key, tokens=60).settle(60)
    desk.admitted(key, tokens=60).settle(55)
    denial = desk.denied(key)
    assert (denial.code, denial.is_callers_limit) == ("insufficient_quota", True)
    assert denial.retry_after_seconds == pytest.approx(wait_seconds)
    desk.day_seconds += wait_seconds + 1
    desk.admitted(key)


def test_what_began_yesterday_gives_nothing_back_to_today(desk: Desk) -> None:
    key = desk.limited(tokens_per_day=100)
    ticket = desk.admitted(key, tokens=90)
    desk.day_seconds += 86_400
    desk.admitted(key, tokens=99)
    ticket.settle(10)
    desk.admitted(key, tokens=1).settle(1)
    assert desk.denied(key).code == "insufficient_quota"


def test_without_a_memory_it_begins_with_what_the_control_plane_counted(desk: Desk) -> None:
    used = Used("2026-11-24", tokens_today=100, tokens_this_month=100)
    assert desk.denied(desk.limited(used=used, tokens_per_day=100)).code == "insufficient_quota"
    stale = Used("2026-11-23", tokens_today=100, tokens_this_month=100)
    desk.admitted(desk.limited("user:u", used=stale, tokens_per_day=100))
    month = desk.limited("team:t", used=stale, tokens_per_month=100)
    assert desk.denied(month).code == "insufficient_quota"


def test_quotas_outlive_the_process(tmp_path: Path) -> None:
    path = tmp_path / "limits"
    before = Desk(open_accounts(path, is_shared=False))
    before.admitted(before.limited(tokens_per_day=100), tokens=100).settle(100)
    after = Desk(open_accounts(path, is_shared=False))
    forgetful = Used("2026-11-24", tokens_today=0, tokens_this_month=0)
    assert after.denied(after.limited(used=forgetful, tokens_per_day=100))
    assert path.stat().st_mode & 0o777 == 0o600


def test_buckets_are_full_when_the_machine_s_clock_began_anew(desk: Desk) -> None:
    key = desk.limited(requests_per_minute=1)
    desk.admitted(key)
    desk.denied(key)
    again = Desk(desk.accounts, seconds=5)
    again.admitted(again.limited(requests_per_minute=1))


def test_headers_tell_the_tightest_of_each_kind(desk: Desk) -> None:
    key = desk.limited(requests_per_minute=10, tokens_per_minute=600)
    team = desk.limited("team:t", tokens_per_minute=300)
    desk.admitted(key, team, tokens=60)
    assert desk.told(key, team) == {
        "x-ratelimit-limit-requests": "10",
        "x-ratelimit-remaining-requests": "9",
        "x-ratelimit-reset-requests": "6s",
        "x-ratelimit-limit-tokens": "300",
        "x-ratelimit-remaining-tokens": "240",
        "x-ratelimit-reset-tokens": "12s",
    }


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, b"0s"), (0.25, b"250ms"), (11.2, b"12s"), (360, b"6m0s")]
)
def test_lengths_of_time_are_written_as_openai_writes_them(seconds: float, words: bytes) -> None:
    assert span(seconds) == words


def test_admitted_tokens_follow_the_bucket_s_arithmetic(desk: Desk) -> None:
    """Ten times the limit is asked for during a minute; most use less than they reserve."""
    key, chance = desk.limited(tokens_per_minute=6000), random.Random(1)
    used = 0
    under_way: list[tuple[float, Ticket, int]] = []
    for _ in range(6000):
        desk.seconds += 0.01
        for end, ticket, tokens in [one for one in under_way if one[0] <= desk.seconds]:
            ticket.settle(tokens)
            used += tokens
            under_way.remove((end, ticket, tokens))
        ticket = desk.ask(key, tokens=20)
        if isinstance(ticket, Ticket):
            under_way.append((desk.seconds + chance.uniform(0, 0.5), ticket, chance.randint(1, 20)))
    for _, ticket, tokens in under_way:
        ticket.settle(tokens)
        used += tokens
    assert used == pytest.approx(12_000, rel=0.01)  # a full bucket, and a minute's flow


def test_whatever_happens_nothing_is_leaked(desk: Desk) -> None:
    chance = random.Random(2)
    subjects = [
        desk.limited("installation", concurrent_requests=50, tokens_per_minute=10**6),
        desk.limited("team:t", requests_per_minute=10**5),
        desk.limited("key:k", concurrent_requests=20, tokens_per_day=10**9),
    ]
    open_: list[Ticket] = []
    for _ in range(20_000):
        chosen: Sequence[Limited] = chance.sample(subjects, chance.randint(0, 3))
        ticket = desk.ask(*chosen, tokens=chance.randint(1, 100))
        if isinstance(ticket, Ticket):
            open_.append(ticket)
        while open_ and chance.random() < 0.6:
            done = open_.pop(chance.randrange(len(open_)))
            assert done.settle(chance.randint(0, 200))
            assert not done.settle(10**6)
    for ticket in open_:
        ticket.settle(0)
    assert [desk.counts.total(name) for name in ("", "installation", "key:k")] == [0, 0, 0]


def test_who_is_limited_is_found_by_all_five_scopes(desk: Desk) -> None:
    names = ("installation", "team:t", "user:u", "key:k", "model:demo")
    some = Limits(requests_per_minute=1)
    snapshot = Snapshot(limits=dict.fromkeys((*names, "key:other", "model:other"), some))
    found = Subjects(desk.book).of(snapshot, Asker("u", "k", None, "t", "ci"), "demo")
    assert [one.subject for one in found.limited] == list(names)
    assert found.limited[3].words == "key “ci”"


def test_a_new_snapshot_is_looked_at_anew(desk: Desk) -> None:
    subjects, asker = Subjects(desk.book), Asker("u", "k", None)
    first = Snapshot(limits={"key:k": Limits(requests_per_minute=1)})
    assert len(subjects.of(first, asker, "demo").limited) == 1
    assert subjects.of(Snapshot(), asker, "demo") is NO_PLAN


def test_a_rotated_key_goes_on_with_the_buckets_of_the_one_before(desk: Desk) -> None:
    two = Limits(requests_per_minute=2)
    both = {"key:old": two, "key:new": two}
    subjects, snapshot = Subjects(desk.book), Snapshot(limits=both)
    old = subjects.of(snapshot, Asker("u", "old", None), "demo").limited
    new = subjects.of(snapshot, Asker("u", "new", None, account="old"), "demo").limited
    desk.admitted(*old)
    desk.admitted(*new)
    desk.denied(*old)
    desk.denied(*new)


def test_whose_limit_can_t_be_counted_is_refused_and_not_let_by() -> None:
    desk = Desk()
    for name in range(1, len(desk.accounts.names), 8):
        desk.accounts.names[name - 1] = name
        desk.accounts.cells[name + 6] = desk.seconds
    snapshot = Snapshot(limits={"key:k": Limits(requests_per_minute=1)})
    with pytest.raises(Refusal) as caught:
        Subjects(desk.book).of(snapshot, Asker("u", "k", None, key_name="ci"), "demo")
    assert (caught.value.status, caught.value.code) == (503, "limits_unavailable")
    assert "key “ci”" in caught.value.message
