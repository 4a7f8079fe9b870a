"""Policies: who may use how much, who may say so, and what of it is in force for whom."""

from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from datetime import date, datetime
from itertools import chain
from typing import NamedTuple, cast

from sqlalchemy.ext.asyncio import AsyncSession

from vllm_manager.auth import Principal
from vllm_manager.auth.keys import NO_LIMITS, Keys, Limits
from vllm_manager.auth.subjects import KeySubject, Subjects
from vllm_manager.db import Database
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.errors import not_found
from vllm_manager.kit.paging import Page, cut, decode_cursor
from vllm_manager.limits.policies import store
from vllm_manager.limits.policies.schemas import (
    AppliedPolicy,
    EffectiveLimits,
    Policy,
    Scope,
    UsedTokens,
)
from vllm_manager.limits.policies.store import FIGURES
from vllm_manager.limits.policies.tables import LimitRow
from vllm_manager.limits.spending import Spending, Spent

_ORDER: Sequence[Scope] = ("installation", "team", "user", "key", "model")


class PolicyFact(NamedTuple):
    """Limits in force, as the gateway must know them: the figures in the order of `Limits`."""

    scope: Scope
    subject: str
    figures: tuple[int | None, ...]

    @property
    def has_quota(self) -> bool:
        return self.figures[3] is not None or self.figures[4] is not None


Quotas = Mapping[Scope, Sequence[str]]
"""The subjects that have a quota."""


def quotas_of(facts: Iterable[PolicyFact]) -> dict[Scope, list[str]]:
    """Return the subjects of those that limit tokens per day or month."""
    found: defaultdict[Scope, list[str]] = defaultdict(list)
    for fact in facts:
        if fact.has_quota:
            found[fact.scope].append(fact.subject)
    return found


class KeyPolicies:
    """The limits of keys, kept for the room of keys within its own transactions."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def of(self, session: AsyncSession, key_ids: Sequence[str]) -> Mapping[str, Limits]:
        """Return the limits of those of the keys that have any."""
        rows = await store.of_subjects(session, "key", key_ids)
        return {row.subject: _limits(row) for row in rows}

    async def put(self, session: AsyncSession, key_id: str, limits: Limits) -> None:
        """Put `limits` in the place of the key's; empty ones take them away."""
        await store.put(session, "key", key_id, limits, self._clock.now())


class Policies:
    """Every limit there is. `changed` is called after each change of what is in force.

    Administrators set them, and see all, as operators do; others see those that they fall under.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        keys: Keys,
        subjects: Subjects,
        spending: Spending,
        changed: Callable[[], None],
    ) -> None:
        self._database = database
        self._clock = clock
        self._keys = keys
        self._subjects = subjects
        self._spending = spending
        self._changed = changed

    async def page(
        self, principal: Principal, scope: Scope | None, cursor: str | None, limit: int
    ) -> Page[Policy]:
        """Return the limits that are set, as far as the principal may see them."""
        after = decode_cursor(cursor)
        start = None if after is None else cast("tuple[str, str]", after.partition("/")[::2])
        seen_by = await self._visible_to(principal)
        async with self._database.read() as session:
            rows = await store.page(session, scope, seen_by, start, limit + 1)
        items, next_cursor = cut(rows, limit, [f"{row.scope}/{row.subject}" for row in rows])
        names = await self._names([(row.scope, row.subject) for row in items])
        return Page(items=[_policy(row, names) for row in items], next_cursor=next_cursor)

    async def get(self, principal: Principal, scope: Scope, subject: str) -> Policy:
        """Return the limits of a subject; all null where none was set.

        Raises:
            Problem: `team_not_found`, `user_not_found` or `key_not_found` (404).
        """
        await self._require_visible(principal, scope, subject)
        return await self._read(scope, subject)

    async def put(self, principal: Principal, scope: Scope, subject: str, limits: Limits) -> Policy:
        """Put limits in force in the place of the subject's, as an administrator.

        Raises:
            Problem: as `get`; `key_restricted` (403).
        """
        await self._require_visible(principal, scope, subject)
        await self._keys.require_maker(principal)
        async with self._database.unit_of_work() as session:
            await store.put(session, scope, subject, limits, self._clock.now())
        self._changed()
        return await self._read(scope, subject)

    async def effective(
        self, principal: Principal, key_id: str | None, model: str | None
    ) -> EffectiveLimits:
        """Return every limit that requests with a key fall under, and what of it is used.

        Without `key_id`: with the key, or the login session, that the principal came with.

        Raises:
            Problem: `key_not_found` (404).
        """
        key_id = key_id or principal.key_id
        key = None
        if key_id is not None:
            await self._require_visible(principal, "key", key_id)
            key = await self._subjects.key(key_id)
        rows = await self._rows_for(principal, key, model)
        names = await self._names([(row.scope, row.subject) for row in rows])
        used = await self.used(quotas_of(map(_fact, rows)))
        items = [_applied(row, names, used, self._spending.today) for row in rows]
        counted = [item.limits for item in items if item.scope != "model" or model is not None]
        return EffectiveLimits(key=key_id, tightest=_tightest(counted), items=items)

    async def in_force(self) -> AsyncGenerator[list[PolicyFact]]:
        """Yield every limit, as the gateway must know it, some at a time. Close it (`aclosing`)."""
        async with (
            self._database.read() as session,
            aclosing(store.everything(session)) as parts,
        ):
            async for rows in parts:
                yield [PolicyFact(row[0], row[1], tuple(row[2:])) for row in rows]

    async def used(self, quotas: Quotas) -> dict[Scope, Spent]:
        """Return what is used of quotas. A key counts what those before it used, too."""
        found: dict[Scope, Spent] = {}
        for scope, subjects in quotas.items():
            older = await self._keys.predecessors(subjects) if scope == "key" else {}
            everyone = [*subjects, *chain.from_iterable(older.values())]
            spent = await self._spending.of(scope, everyone)
            found[scope] = _with_older(spent, older) if older else spent
        return found

    async def _read(self, scope: Scope, subject: str) -> Policy:
        async with self._database.read() as session:
            row = await store.get(session, scope, subject)
        names = await self._names([(scope, subject)])
        if row is None:
            return Policy(
                scope=scope,
                subject=subject or None,
                name=names.get((scope, subject)),
                limits=NO_LIMITS,
                updated_at=None,
            )
        return _policy(row, names)

    async def _require_visible(self, principal: Principal, scope: Scope, subject: str) -> None:
        if scope in ("installation", "model"):
            return
        known = await self._names([(scope, subject)])
        seen_by = await self._visible_to(principal)
        if not known or (seen_by is not None and (scope, subject) not in seen_by):
            raise not_found(scope, subject)

    async def _visible_to(self, principal: Principal) -> list[tuple[Scope, str]] | None:
        """Return the subjects that a principal belongs to; None for those who see all."""
        if principal.role in ("administrator", "operator"):
            return None
        teams = await self._subjects.teams_of(principal.user_id)
        keys = await self._subjects.keys_of(principal.user_id)
        own: list[tuple[Scope, str]] = [("user", principal.user_id)]
        return [*own, *(("team", each) for each in teams), *(("key", each) for each in keys)]

    async def _rows_for(
        self, principal: Principal, key: KeySubject | None, model: str | None
    ) -> list[LimitRow]:
        user_id = key.user_id if key else principal.user_id
        team_id = key.team_id if key else principal.team_id
        models = [model] if model is not None else key.models if key else None
        async with self._database.read() as session:
            rows = await store.of_subjects(session, "installation", [""])
            rows += await store.of_subjects(session, "team", [team_id] if team_id else [])
            rows += await store.of_subjects(session, "user", [user_id])
            rows += await store.of_subjects(session, "key", [key.id] if key else [])
            if models is None:
                return [*rows, *await store.page(session, "model", None, None, 1000)]
            return rows + await store.of_subjects(session, "model", models)

    async def _names(self, subjects: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
        found = {(scope, name): name for scope, name in subjects if scope == "model"}
        for kind in ("team", "user", "key"):
            ids = [subject for scope, subject in subjects if scope == kind]
            names = await self._subjects.names(kind, ids)
            found.update({(kind, subject): name for subject, name in names.items()})
        return found


def _limits(row: LimitRow) -> Limits:
    return Limits(**{name: getattr(row, name) for name in FIGURES})


def _fact(row: LimitRow) -> PolicyFact:
    figures = tuple(getattr(row, name) for name in FIGURES)
    return PolicyFact(cast("Scope", row.scope), row.subject, figures)


def _policy(row: LimitRow, names: Mapping[tuple[str, str], str]) -> Policy:
    updated_at: datetime = row.updated_at
    return Policy(
        scope=cast("Scope", row.scope),
        subject=row.subject or None,
        name=names.get((row.scope, row.subject)),
        limits=_limits(row),
        updated_at=updated_at,
    )


def _applied(
    row: LimitRow,
    names: Mapping[tuple[str, str], str],
    used: Mapping[Scope, Spent],
    today: date,
) -> AppliedPolicy:
    spent = used.get(cast("Scope", row.scope))
    tokens = None
    if spent is not None and row.subject in spent.today:
        tokens = UsedTokens(
            day=today,
            tokens_today=spent.today[row.subject],
            tokens_this_month=spent.this_month[row.subject],
        )
    return AppliedPolicy(**dict(_policy(row, names)), used=tokens)


def _with_older(spent: Spent, older: Mapping[str, Sequence[str]]) -> Spent:
    """Add to each subject what those before it spent."""

    def added(tokens: Mapping[str, int]) -> dict[str, int]:
        more = {key: sum(tokens[each] for each in ids) for key, ids in older.items()}
        return {key: value + more.get(key, 0) for key, value in tokens.items()}

    return Spent(added(spent.today), added(spent.this_month))


def _tightest(limits: Sequence[Limits]) -> Limits:
    figures: dict[str, int | None] = {}
    for name in FIGURES:
        set_ = [value for each in limits if (value := getattr(each, name)) is not None]
        figures[name] = min(set_) if set_ else None
    return Limits(**figures)
