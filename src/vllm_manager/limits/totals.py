"""Answers with sums of usage, with the names of whom they are about."""

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from vllm_manager.auth.subjects import SubjectKind, Subjects
from vllm_manager.db import Database
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.errors import FieldError, invalid
from vllm_manager.kit.paging import Page, cut, decode_cursor
from vllm_manager.limits import reading
from vllm_manager.limits.durations import mean, quantile
from vllm_manager.limits.reading import Asked
from vllm_manager.limits.schemas import GroupBy, Usage
from vllm_manager.limits.spans import day_number, day_of, parts_of
from vllm_manager.limits.tables import LATENCY, TTFT

_AT_ONCE = 1000
_KINDS: Sequence[SubjectKind] = ("key", "user", "team")
_KEPT_DIGITS = 9


class UsageTotals:
    """Sums usage by model, key, user, team and day."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        subjects: Subjects,
        hours_kept: timedelta,
        currency: str,
    ) -> None:
        self._database = database
        self._clock = clock
        self._subjects = subjects
        self._hours_kept = hours_kept
        self._currency = currency

    def asked(
        self,
        group_by: Sequence[GroupBy],
        since: datetime | None = None,
        until: datetime | None = None,
        only: Mapping[str, str | None] | None = None,
    ) -> Asked:
        """Say what to sum: the hours that begin within [`since`, `until`), of those in `only`.

        Raises:
            Problem: `invalid_request` (422) for a span that ends before it begins.
        """
        first_day = day_number((self._clock.now() - self._hours_kept).date())
        named = {name: value for name, value in (only or {}).items() if value is not None}
        groups: list[GroupBy] = list(dict.fromkeys(group_by))
        return Asked(groups, parts_of(since, until, first_day), named)

    async def page(self, asked: Asked, cursor: str | None, limit: int) -> Page[Usage]:
        """Return a page of sums per group, ordered by the groups."""
        rows = await self._read(asked, _after(cursor, asked.group_by), limit + 1)
        keys = [json.dumps([row[name] for name in asked.group_by]) for row in rows]
        page, next_cursor = cut(rows, limit, keys)
        return Page(items=await self._named(asked, page), next_cursor=next_cursor)

    async def everything(self, asked: Asked) -> AsyncGenerator[list[Usage]]:
        """Yield all sums, some at a time; they are summed once."""
        rows = await self._read(asked, None, None)
        for start in range(0, len(rows), _AT_ONCE):
            yield await self._named(asked, rows[start : start + _AT_ONCE])

    async def _read(
        self, asked: Asked, after: Sequence[Any] | None, limit: int | None
    ) -> Sequence[Mapping[str, Any]]:
        async with self._database.read() as session:
            return await reading.totals(session, asked, after, limit)

    async def _named(self, asked: Asked, rows: Sequence[Mapping[str, Any]]) -> list[Usage]:
        names: dict[str, Mapping[str, str]] = {}
        for kind in _KINDS:
            if kind in asked.group_by:
                ids = {row[kind] for row in rows if row[kind]}
                names[kind] = await self._subjects.names(kind, sorted(ids))
        return [self._usage(row, names) for row in rows]

    def _usage(self, row: Mapping[str, Any], names: Mapping[str, Mapping[str, str]]) -> Usage:
        latency, ttft = [row[name] for name in LATENCY], [row[name] for name in TTFT]
        cost = row["cost"]
        values: dict[str, Any] = {
            **{name: value for name, value in row.items() if value != "" and name != "day"},
            **{f"{kind}_name": known.get(row[kind]) for kind, known in names.items()},
            "ok": row["requests"] - row["errors"] - row["client_left"] - row["cancelled"],
            "client_errors": row["errors"] - row["server_errors"],
            "latency_mean_seconds": mean(row["latency_ms"], latency),
            "latency_p50_seconds": quantile(latency, 0.5),
            "latency_p95_seconds": quantile(latency, 0.95),
            "ttft_mean_seconds": mean(row["ttft_ms"], ttft),
            "ttft_p50_seconds": quantile(ttft, 0.5),
            "ttft_p95_seconds": quantile(ttft, 0.95),
            "cost": None if cost is None else round(cost, _KEPT_DIGITS),
            "currency": None if cost is None else self._currency,
        }
        if "day" in row:
            values["day"] = day_of(row["day"])
        return Usage.model_validate(values)


def _after(cursor: str | None, group_by: Sequence[GroupBy]) -> list[Any] | None:
    """Return the groups that a cursor stands after.

    Raises:
        Problem: `invalid_request` (422) for one of other groups, or of another list.
    """
    text = decode_cursor(cursor)
    if text is None:
        return None
    try:
        found: object = json.loads(text)
    except ValueError:
        found = None
    values = cast("list[object]", found) if isinstance(found, list) else []
    fits = [
        isinstance(value, int if name == "day" else str)
        for name, value in zip(group_by, values, strict=False)
    ]
    if len(values) != len(group_by) or not all(fits):
        message = "Not a cursor of this list. Leave it out to start from the first page."
        raise invalid([FieldError(field="cursor", message=message)])
    return values
