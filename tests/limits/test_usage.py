"""Usage is counted once, and summed as asked."""

from collections.abc import AsyncGenerator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from support.application import Running, running_in
from support.people import person
from support.usage import NOON, Books, books_in, record
from vllm_manager.kit.errors import Problem
from vllm_manager.limits import UsageLedger, UsageReport

TEN = datetime(2026, 11, 23, 10, 59, tzinfo=UTC)
ELEVEN = datetime(2026, 11, 23, 11, 0, tzinfo=UTC)


@pytest.fixture
async def books(tmp_path: Path) -> AsyncGenerator[Books]:
    async with books_in(tmp_path) as made:
        yield made


async def test_a_batch_that_is_sent_again_is_counted_once(books: Books) -> None:
    report = UsageReport("bat_a", [record(prompt_tokens=3), record(prompt_tokens=4)])
    assert await books.ledger.record(report)
    assert not await books.ledger.record(report)
    [usage] = await books.sums()
    assert (usage.model, usage.requests, usage.prompt_tokens) == ("demo", 2, 7)


async def test_batches_of_the_same_hour_add_up(books: Books) -> None:
    await books.count(record(completion_tokens=1, cached_tokens=5))
    await books.count(record(completion_tokens=2, status=503))
    [usage] = await books.sums("key")
    assert (usage.key, usage.requests, usage.errors) == ("key_1", 2, 1)
    assert (usage.completion_tokens, usage.cached_tokens) == (3, 5)


async def test_tokens_that_are_not_known_add_nothing(books: Books) -> None:
    await books.count(record(prompt_tokens=None))
    [usage] = await books.sums()
    assert (usage.requests, usage.prompt_tokens) == (1, 0)


async def test_how_requests_ended_is_told_apart(books: Books) -> None:
    ends: list[dict[str, Any]] = [
        {},
        {"status": 404, "outcome": "refused"},
        {"status": 503, "outcome": "upstream_failed"},
        {"status": 200, "outcome": "upstream_failed"},  # broken off after it had begun
        {"status": 499, "outcome": "client_left"},
        {"status": 200, "outcome": "cancelled", "seconds": 9.0},
        {"status": 409, "outcome": "cancelled"},
    ]
    await books.count(*(record(**end) for end in ends))
    [usage] = await books.sums()
    told = (usage.ok, usage.client_errors, usage.server_errors, usage.client_left, usage.cancelled)
    assert told == (1, 1, 2, 1, 2)
    assert (usage.requests, usage.errors, usage.latency_p50_seconds) == (7, 3, None)


async def test_what_the_gateway_refused_is_counted_beside_the_requests(books: Books) -> None:
    report = UsageReport(
        "bat_a",
        [
            record(seconds=1.0),
            record(status=429, outcome="refused", refusals=5, seconds=0.0),
            record(status=503, outcome="refused", refusals=3),
            record(status=404, outcome="refused", refusals=2, model=""),
            record(status=401, outcome="refused", refusals=7, model="", key=None, user=""),
        ],
    )
    assert await books.ledger.record(report)
    assert not await books.ledger.record(report)  # sent again
    unknown, demo = await books.sums()
    assert (demo.model, demo.requests, demo.ok, demo.errors) == ("demo", 1, 1, 0)
    assert (demo.limited, demo.turned_away, demo.refused) == (5, 3, 0)
    assert demo.latency_mean_seconds == 1.0
    assert (unknown.model, unknown.requests, unknown.refused) == (None, 0, 9)
    assert [(sum_.user, sum_.refused) for sum_ in await books.sums("user")] == [
        (None, 7),
        ("usr_1", 2),
    ]


async def test_how_long_answers_took_is_known_by_mean_and_shares(books: Books) -> None:
    took = [record(seconds=0.3, stream=True, first_token_seconds=0.1) for _ in range(95)]
    slow = [record(seconds=10.0, stream=True, first_token_seconds=3.0) for _ in range(5)]
    await books.count(*took)
    await books.count(*slow)
    [usage] = await books.sums()
    assert usage.latency_mean_seconds == pytest.approx((95 * 0.3 + 50) / 100)
    assert usage.latency_p50_seconds == pytest.approx(0.25 * (1 + 50 / 95))
    assert usage.latency_p95_seconds == 0.5
    assert usage.ttft_mean_seconds == pytest.approx((95 * 0.1 + 15) / 100)
    assert usage.ttft_p95_seconds == 0.125


async def test_only_what_was_answered_and_streamed_has_a_time_to_first_token(books: Books) -> None:
    await books.count(
        record(seconds=2.0, first_token_seconds=2.0),
        record(seconds=9.0, first_token_seconds=9.0, stream=True, status=500),
    )
    [usage] = await books.sums()
    assert usage.latency_mean_seconds == 2.0
    assert (usage.ttft_mean_seconds, usage.ttft_p50_seconds, usage.ttft_p95_seconds) == (None,) * 3


async def test_a_span_counts_the_hours_that_begin_within_it(books: Books) -> None:
    await books.count(record(TEN), record(ELEVEN))
    assert [usage.requests for usage in await books.sums(since=ELEVEN)] == [1]
    by_day = await books.sums("day", until=ELEVEN)
    assert [(usage.day, usage.requests) for usage in by_day] == [(date(2026, 11, 23), 1)]


async def test_whole_days_and_the_hours_at_their_edges_are_one_sum(books: Books) -> None:
    since, until = NOON - timedelta(days=3), NOON
    await books.count(
        record(since - timedelta(hours=1)),  # before
        record(since),
        record(since + timedelta(days=1)),
        record(until - timedelta(hours=1)),
        record(until),  # after
    )
    assert [usage.requests for usage in await books.sums(since=since, until=until)] == [3]
    by_day = await books.sums("day", since=since, until=until)
    assert [(usage.day.day, usage.requests) for usage in by_day if usage.day] == [
        (20, 1),
        (21, 1),
        (23, 1),
    ]


async def test_groups_come_in_pages(books: Books) -> None:
    await books.count(*(record(model=name, key=key) for name in "cab" for key in ("k1", "k2")))
    found: list[tuple[Any, ...]] = []
    cursor = None
    while True:
        page = await books.page("model", "key", "day", cursor=cursor, limit=4)
        found += [(usage.model, usage.key) for usage in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == [(model, key) for model in "abc" for key in ("k1", "k2")]


@pytest.mark.parametrize("group", ["model", "day"])
async def test_a_cursor_of_another_list_is_refused(books: Books, group: Any) -> None:
    await books.count(record(), record(key="key_2"))
    cursor = (await books.page("key", "model", cursor=None, limit=1)).next_cursor
    with pytest.raises(Problem) as caught:
        await books.page(group, cursor=cursor, limit=1)
    assert caught.value.details.errors[0].field == "cursor"


async def test_sums_can_be_of_one_key_or_of_none(books: Books) -> None:
    await books.count(record(), record(key=None), record(key=None), record(model="other"))
    assert [u.requests for u in await books.sums(only={"key": "key_1", "model": "demo"})] == [1]
    assert [u.requests for u in await books.sums(only={"key": ""})] == [2]


async def test_a_span_that_ends_before_it_begins_is_refused(books: Books) -> None:
    with pytest.raises(Problem) as caught:
        await books.sums(since=ELEVEN, until=TEN)
    assert caught.value.details.errors[0].field == "to"


async def test_the_gateway_posts_and_people_read(tmp_path: Path) -> None:
    async with running_in(tmp_path) as control:
        assert await post(control, UsageReport("bat_1", [record()])) == {"counted": True}
        assert await post(control, UsageReport("bat_1", [record()])) == {"counted": False}
        answer = await control.client.get(
            "/api/v1/usage?group_by=user&group_by=model", headers=control.bearer
        )
    [usage] = answer.json()["items"]
    assert (usage["user"], usage["model"], usage["key"]) == ("usr_1", "demo", None)
    assert usage["requests"] == 1


async def test_a_batch_that_is_no_batch_is_refused_whole(tmp_path: Path) -> None:
    async with running_in(tmp_path) as control:
        for body in (b"", b"[]", b'{"batch": "b", "records": [{"at": -1}]}', b"\xff"):
            answer = await control.client.post(
                "/internal/v1/gateway/usage", headers=control.token("internal_token"), content=body
            )
            assert answer.status_code == 422, body


async def post(control: Running, report: UsageReport) -> Any:
    answer = await control.client.post(
        "/internal/v1/gateway/usage",
        headers=control.token("internal_token"),
        content=msgspec.json.encode(report),
    )
    return answer.json()


async def test_members_see_their_own_alone(tmp_path: Path) -> None:
    async with running_in(tmp_path) as control:
        member, operator = await person(control, "member"), await person(control, "operator")
        ledger: UsageLedger = control.app.state.usage
        theirs = [record(user=member.id), record(user="usr_2"), record(user="usr_2")]
        await ledger.record(UsageReport("bat_1", theirs))
        sums: dict[str, int] = {}
        for who in (member, operator):
            answer = await control.client.get("/api/v1/usage", headers=who.headers)
            sums[who.role] = answer.json()["items"][0]["requests"]
        assert sums == {"member": 1, "operator": 3}
        others = await control.client.get("/api/v1/usage?user=usr_2", headers=member.headers)
        assert others.json()["items"] == []


async def test_a_table_has_ids_and_names(tmp_path: Path) -> None:
    async with running_in(tmp_path) as control:
        member = await person(control, "member", "ann")
        ledger: UsageLedger = control.app.state.usage
        await ledger.record(UsageReport("bat_1", [record(user=member.id, key=None, seconds=0.5)]))
        address = "/api/v1/usage/export?group_by=user&group_by=key"
        table = await control.client.get(address, headers=member.headers)
        head, row = table.text.splitlines()
        assert head.split(",")[:7] == [
            "user",
            "user_name",
            "key",
            "key_name",
            "requests",
            "ok",
            "client_errors",
        ]
        assert row.split(",")[:6] == [member.id, "ann", "", "", "1", "1"]
        [usage] = (
            await control.client.get("/api/v1/usage?group_by=user", headers=member.headers)
        ).json()["items"]
        assert (usage["user"], usage["user_name"]) == (member.id, "ann")
