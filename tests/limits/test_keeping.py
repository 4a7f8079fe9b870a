"""Usage stays small: hours are deleted, days stay, and no sum changes by it."""

from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Table, func, select, text

from support.usage import HOURS_KEPT, KEPT, NOON, Books, books_in, record
from vllm_manager.limits import Spending, UsageReport
from vllm_manager.limits.tables import BY_DAY, BY_HOUR, SERIES, UsageBatch

OLD = NOON - HOURS_KEPT - timedelta(days=1)
YOUNG = NOON - HOURS_KEPT
GONE = NOON - KEPT - timedelta(days=1)


@pytest.fixture
async def books(tmp_path: Path) -> AsyncGenerator[Books]:
    async with books_in(tmp_path) as made:
        yield made


async def rows(books: Books, table: Table) -> int:
    async with books.database.read() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def batches(books: Books) -> list[str]:
    async with books.database.read() as session:
        return sorted(await session.scalars(select(UsageBatch.id)))


async def test_hours_go_and_days_stay(books: Books) -> None:
    await books.count(record(OLD, prompt_tokens=1), record(OLD + timedelta(hours=1)))
    await books.count(record(YOUNG, prompt_tokens=2))
    before = await books.sums("day"), await books.sums("key", since=OLD.replace(hour=0))
    assert await rows(books, BY_HOUR) == 3
    await books.ledger.prune()
    assert (await rows(books, BY_HOUR), await rows(books, BY_DAY)) == (1, 2)
    after = await books.sums("day"), await books.sums("key", since=OLD.replace(hour=0))
    assert after == before
    assert [usage.requests for usage in after[0]] == [2, 1]


async def test_it_may_be_done_as_often_as_one_likes(books: Books) -> None:
    await books.count(record(OLD), record(NOON))
    await books.ledger.prune()
    once = await books.sums("day")
    await books.ledger.prune()
    assert await books.sums("day") == once


async def test_where_it_is_cut_short_nothing_is_gone(books: Books) -> None:
    await books.count(record(OLD), record(GONE))
    async with books.database.unit_of_work() as session:
        blocked = "CREATE TABLE usage_series_kept (id INTEGER REFERENCES usage_series (id))"
        await session.execute(text(blocked))
        await session.execute(text("INSERT INTO usage_series_kept SELECT id FROM usage_series"))
    await books.count(record(GONE, model="other"))
    async with books.database.unit_of_work() as session:
        ids = "SELECT id FROM usage_series WHERE model = 'other'"
        await session.execute(text(f"INSERT INTO usage_series_kept {ids}"))
    before = await rows(books, BY_HOUR), await rows(books, BY_DAY), await rows(books, SERIES)
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        await books.ledger.prune()
    after = await rows(books, BY_HOUR), await rows(books, BY_DAY), await rows(books, SERIES)
    assert after == before == (3, 3, 2)
    async with books.database.unit_of_work() as session:
        await session.execute(text("DROP TABLE usage_series_kept"))
    await books.ledger.prune()
    assert (await rows(books, BY_HOUR), await rows(books, BY_DAY)) == (0, 1)


async def test_a_batch_that_comes_after_its_hours_are_gone_counts_for_its_day(
    books: Books,
) -> None:
    await books.count(record(OLD))
    await books.ledger.prune()
    await books.count(record(OLD, prompt_tokens=5))
    for _ in range(2):
        [usage] = await books.sums()
        assert (usage.requests, usage.prompt_tokens) == (2, 5)
        await books.ledger.prune()


async def test_days_end_as_well_and_with_them_who_is_asked_about_no_more(books: Books) -> None:
    await books.count(record(GONE, key="key_old"), record(NOON))
    await books.ledger.prune()
    assert [usage.key for usage in await books.sums("key")] == ["key_1"]
    assert await rows(books, SERIES) == 1


async def test_quotas_count_the_same_before_and_after(books: Books) -> None:
    await books.count(
        record(NOON, prompt_tokens=1),
        record(NOON.replace(day=1), completion_tokens=10),
        record(NOON.replace(month=10), prompt_tokens=100),
    )
    for _ in range(2):
        spent = await Spending(books.database, books.clock).of("key", ["key_1"])
        assert (dict(spent.today), dict(spent.this_month)) == ({"key_1": 1}, {"key_1": 11})
        everyone = await Spending(books.database, books.clock).of("installation", [""])
        assert everyone.this_month == {"": 11}
        await books.ledger.prune()


async def test_what_is_used_of_an_adapter_counts_for_its_model(books: Books) -> None:
    await books.count(
        record(base="demo", prompt_tokens=1),
        record(model="sql", base="demo", prompt_tokens=10),
        record(model="sql", base="other", prompt_tokens=100),  # it was another's before
        record(model="sql", prompt_tokens=1000),  # of a gateway that did not tell
    )
    await books.count(record(model="sql", base="demo", prompt_tokens=20))
    spent = await Spending(books.database, books.clock).of("model", ["demo", "other"])
    assert dict(spent.today) == {"demo": 31, "other": 100}
    assert [(sum_.model, sum_.prompt_tokens) for sum_ in await books.sums()] == [
        ("demo", 1),
        ("sql", 1130),
    ]


async def test_an_id_is_forgotten_once_its_batch_is_deleted(books: Books) -> None:
    await books.ledger.record(UsageReport("bat_a", [record()]))
    await books.ledger.record(UsageReport("bat_b", [record()], deleted=["bat_a", "bat_never"]))
    assert await batches(books) == ["bat_b"]
    await books.ledger.record(UsageReport("bat_b", [record()], deleted=["bat_a"]))
    [usage] = await books.sums()
    assert usage.requests == 2


async def test_an_id_that_nobody_asks_about_any_more_is_forgotten_in_time(books: Books) -> None:
    await books.ledger.record(UsageReport("bat_a", [record()]))
    books.clock.advance(timedelta(days=31).total_seconds())
    await books.ledger.record(UsageReport("bat_b", [record()]))
    await books.ledger.prune()
    assert await batches(books) == ["bat_b"]
