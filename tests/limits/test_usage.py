"""Usage is counted once, and summed as asked."""

from collections.abc import AsyncGenerator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fakes.clock import FakeClock
from support.application import Running, database_in, running_in
from support.people import person
from vllm_manager.kit.errors import Problem
from vllm_manager.limits import UsageLedger, UsageRecord, UsageReport

TEN = datetime(2026, 11, 23, 10, 59, tzinfo=UTC)
ELEVEN = datetime(2026, 11, 23, 11, 0, tzinfo=UTC)


def record(at: datetime = TEN, **more: Any) -> UsageRecord:
    values: dict[str, Any] = {
        "model": "demo",
        "status": 200,
        "key": "key_1",
        "user": "usr_1",
        **more,
    }
    return UsageRecord(at=at.timestamp(), **values)


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncGenerator[UsageLedger]:
    async with database_in(tmp_path) as database:
        yield UsageLedger(database, FakeClock())


async def test_a_batch_that_is_sent_again_is_counted_once(ledger: UsageLedger) -> None:
    report = UsageReport("bat_1", [record(prompt_tokens=3), record(prompt_tokens=4)])
    assert await ledger.record(report)
    assert not await ledger.record(report)
    [usage] = (await ledger.totals(["model"], None, None, None, 10)).items
    assert (usage.model, usage.requests, usage.prompt_tokens) == ("demo", 2, 7)


async def test_batches_of_the_same_hour_add_up(ledger: UsageLedger) -> None:
    await ledger.record(UsageReport("bat_1", [record(completion_tokens=1, cached_tokens=5)]))
    await ledger.record(UsageReport("bat_2", [record(completion_tokens=2, status=503)]))
    [usage] = (await ledger.totals(["key"], None, None, None, 10)).items
    assert (usage.key, usage.requests, usage.errors) == ("key_1", 2, 1)
    assert (usage.completion_tokens, usage.cached_tokens) == (3, 5)


async def test_tokens_that_are_not_known_add_nothing(ledger: UsageLedger) -> None:
    await ledger.record(UsageReport("bat_1", [record(prompt_tokens=None)]))
    [usage] = (await ledger.totals(["model"], None, None, None, 10)).items
    assert (usage.requests, usage.prompt_tokens) == (1, 0)


async def test_a_span_counts_the_hours_that_begin_within_it(ledger: UsageLedger) -> None:
    await ledger.record(UsageReport("bat_1", [record(TEN), record(ELEVEN)]))
    page = await ledger.totals(["model"], ELEVEN, None, None, 10)
    assert [usage.requests for usage in page.items] == [1]
    page = await ledger.totals(["day"], None, ELEVEN, None, 10)
    assert [(usage.day, usage.requests) for usage in page.items] == [(date(2026, 11, 23), 1)]


async def test_groups_come_in_pages(ledger: UsageLedger) -> None:
    await ledger.record(UsageReport("bat_1", [record(model=name) for name in "cab"]))
    first = await ledger.totals(["model"], None, None, None, 2)
    assert [usage.model for usage in first.items] == ["a", "b"]
    second = await ledger.totals(["model"], None, None, first.next_cursor, 2)
    assert [usage.model for usage in second.items] == ["c"]
    assert second.next_cursor is None


async def test_a_span_that_ends_before_it_begins_is_refused(ledger: UsageLedger) -> None:
    with pytest.raises(Problem) as caught:
        await ledger.totals(["model"], ELEVEN, TEN, None, 10)
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
        table = await control.client.get("/api/v1/usage/export", headers=member.headers)
        assert table.text.splitlines() == [
            "model,requests,errors,prompt_tokens,completion_tokens,cached_tokens",
            "demo,1,0,0,0,0",
        ]
