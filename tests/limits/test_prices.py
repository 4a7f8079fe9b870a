"""Prices count from a day on, and a cost is told only where there is a price."""

from collections.abc import AsyncGenerator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from support.application import Running
from support.people import person
from support.usage import NOON, Books, books_in, record
from vllm_manager.limits.prices import PriceRequest

pytestmark = pytest.mark.integration

MILLION = 1_000_000
PATH = "/api/v1/usage/prices"


def price(valid_from: date | None = None, **more: Any) -> PriceRequest:
    figures = {"input_per_million": 1.0, "output_per_million": 4.0, **more}
    return PriceRequest(valid_from=valid_from, **figures)


@pytest.fixture
async def books(tmp_path: Path) -> AsyncGenerator[Books]:
    async with books_in(tmp_path) as made:
        yield made


async def test_without_a_price_the_cost_is_not_known(books: Books) -> None:
    await books.count(record(prompt_tokens=MILLION))
    [usage] = await books.sums()
    assert (usage.cost, usage.currency, usage.unpriced_requests) == (None, None, 1)
    await books.prices.put("other", price())
    [usage] = await books.sums()
    assert (usage.cost, usage.currency, usage.unpriced_requests) == (None, None, 1)


async def test_tokens_in_cached_and_out_have_prices_of_their_own(books: Books) -> None:
    await books.count(
        record(prompt_tokens=3 * MILLION, cached_tokens=MILLION, completion_tokens=MILLION)
    )
    await books.prices.put("demo", price(cached_input_per_million=0.5))
    [usage] = await books.sums()
    assert (usage.cost, usage.currency) == (2 * 1.0 + 0.5 + 4.0, "EUR")
    await books.prices.put("demo", price())
    [usage] = await books.sums()
    assert usage.cost == 3 * 1.0 + 4.0


async def test_what_costs_nothing_costs_0(books: Books) -> None:
    await books.count(record(prompt_tokens=MILLION))
    await books.prices.put("demo", price(input_per_million=0, output_per_million=0))
    [usage] = await books.sums()
    assert (usage.cost, usage.unpriced_requests) == (0.0, 0)


async def test_what_was_used_keeps_the_price_of_its_day(books: Books) -> None:
    yesterday, tomorrow = NOON - timedelta(days=1), NOON + timedelta(days=1)
    days = (yesterday - timedelta(days=1), yesterday, NOON, tomorrow)
    await books.count(*(record(at, prompt_tokens=MILLION) for at in days))
    await books.prices.put("demo", price(yesterday.date()))
    await books.prices.put("demo", price(tomorrow.date(), input_per_million=9))
    assert [usage.cost for usage in await books.sums("day")] == [None, 1.0, 1.0, 9.0]
    [usage] = await books.sums("key")
    assert (usage.cost, usage.unpriced_requests) == (11.0, 1)


async def test_hours_at_the_edge_of_a_span_have_the_price_of_their_day(books: Books) -> None:
    await books.count(record(prompt_tokens=MILLION))
    await books.prices.put("demo", price())
    [usage] = await books.sums(since=NOON, until=NOON + timedelta(hours=1))
    assert usage.cost == 1.0


async def test_models_of_a_group_are_each_priced_as_they_are(books: Books) -> None:
    each = (record(model=name, prompt_tokens=MILLION) for name in ("a", "b", "c"))
    await books.count(*each)
    await books.prices.put("a", price(input_per_million=1))
    await books.prices.put("b", price(input_per_million=2))
    [usage] = await books.sums("user")
    assert (usage.requests, usage.cost, usage.unpriced_requests) == (3, 3.0, 1)


async def test_a_price_of_the_same_day_takes_the_place_of_the_one_before(books: Books) -> None:
    await books.prices.put("demo", price())
    await books.prices.put("demo", price(input_per_million=2))
    [only] = (await books.prices.page(None, None, 10)).items
    assert (only.input_per_million, only.valid_from) == (2, NOON.date())


async def test_prices_come_in_pages_with_the_one_that_counts_marked(books: Books) -> None:
    today = NOON.date()
    for model in ("a", "b/c"):
        for days in (-10, -1, 3):
            await books.prices.put(model, price(today + timedelta(days=days)))
    found: list[tuple[str, int, bool]] = []
    cursor = None
    while True:
        page = await books.prices.page(None, cursor, 2)
        found += [(p.model, (p.valid_from - today).days, p.is_current) for p in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == [(model, days, days == -1) for model in ("a", "b/c") for days in (3, -1, -10)]


async def test_a_price_that_is_removed_leaves_the_one_before(books: Books) -> None:
    yesterday = (NOON - timedelta(days=1)).date()
    await books.prices.put("demo", price(yesterday))
    await books.prices.put("demo", price(input_per_million=5))
    await books.prices.remove("demo", NOON.date())
    [left] = (await books.prices.page("demo", None, 10)).items
    assert (left.valid_from, left.is_current) == (yesterday, True)
    await books.prices.remove("demo", None)
    assert (await books.prices.page("demo", None, 10)).items == []


async def test_administrators_set_prices_and_all_may_read_them(control: Running) -> None:
    member, operator = await person(control, "member"), await person(control, "operator")
    body = {"input_per_million": 0.15, "output_per_million": 0.6, "valid_from": "2026-01-01"}
    address = f"{PATH}/organisation/model"
    for who in (member, operator):
        refused = await control.client.put(address, json=body, headers=who.headers)
        assert refused.status_code == 403
    made = await control.client.put(address, json=body, headers=control.bearer)
    assert made.status_code == 200, made.text
    [seen] = (await control.client.get(PATH, headers=member.headers)).json()["items"]
    assert seen == made.json()
    assert (seen["model"], seen["currency"]) == ("organisation/model", "USD")
    query = "?valid_from=2026-01-01"
    gone = await control.client.delete(address + query, headers=control.bearer)
    assert gone.status_code == 204
    assert (await control.client.get(PATH, headers=member.headers)).json()["items"] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"input_per_million": -1},
        {"input_per_million": "much"},
        {"valid_from": "1969-01-01"},
        {"valid_from": "soon"},
        {"currency": "EUR"},
    ],
)
async def test_what_is_no_price_is_refused(control: Running, wrong: dict[str, Any]) -> None:
    body = {"input_per_million": 1, "output_per_million": 1, **wrong}
    answer = await control.client.put(f"{PATH}/demo", json=body, headers=control.bearer)
    assert answer.status_code == 422
