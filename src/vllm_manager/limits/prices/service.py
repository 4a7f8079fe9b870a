"""Prices by model and day: usage is priced when it is read, with the price of its own day."""

from datetime import date

from vllm_manager.db import Database
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.paging import Page, cut, decode_cursor
from vllm_manager.limits.prices import store
from vllm_manager.limits.prices.schemas import Price, PriceRequest
from vllm_manager.limits.prices.tables import UsagePrice
from vllm_manager.limits.spans import day_number, day_of


class Prices:
    """What tokens cost. One currency for all, so that costs can be summed."""

    def __init__(self, database: Database, clock: Clock, currency: str) -> None:
        self._database = database
        self._clock = clock
        self._currency = currency

    async def page(self, model: str | None, cursor: str | None, limit: int) -> Page[Price]:
        """Return prices by model, the newest of each first; also those of later and of the past."""
        async with self._database.read() as session:
            rows = await store.page(session, model, _after(cursor), limit + 1)
            models = sorted({row.model for row in rows})
            current = await store.current(session, models, self._today)
        keys = [f"{row.first_day}/{row.model}" for row in rows]
        items, next_cursor = cut(rows, limit, keys)
        prices = [
            self._price(row, is_current=(row.model, row.first_day) in current) for row in items
        ]
        return Page(items=prices, next_cursor=next_cursor)

    async def put(self, model: str, asked: PriceRequest) -> Price:
        """Set what a model costs from a day on: today, where none is named."""
        today = self._today
        first_day = today if asked.valid_from is None else day_number(asked.valid_from)
        row = UsagePrice(
            model=model,
            first_day=first_day,
            input=asked.input_per_million,
            cached_input=asked.cached_input_per_million,
            output=asked.output_per_million,
            updated_at=self._clock.now(),
        )
        async with self._database.unit_of_work() as session:
            await store.put(session, row)
            current = await store.current(session, [model], today)
        return self._price(row, is_current=(model, first_day) in current)

    async def remove(self, model: str, valid_from: date | None) -> None:
        """Take away the price that begins on a day; None: every price of the model."""
        first_day = None if valid_from is None else day_number(valid_from)
        async with self._database.unit_of_work() as session:
            await store.remove(session, model, first_day)

    @property
    def _today(self) -> int:
        return day_number(self._clock.now().date())

    def _price(self, row: UsagePrice, *, is_current: bool) -> Price:
        return Price(
            model=row.model,
            valid_from=day_of(row.first_day),
            is_current=is_current,
            input_per_million=row.input,
            cached_input_per_million=row.cached_input,
            output_per_million=row.output,
            currency=self._currency,
            updated_at=row.updated_at,
        )


def _after(cursor: str | None) -> tuple[str, int] | None:
    key = decode_cursor(cursor)
    if key is None:
        return None
    day, _, model = key.partition("/")
    return (model, int(day)) if day.lstrip("-").isdecimal() and len(day) < 10 else (key, 0)
