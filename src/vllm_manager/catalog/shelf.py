"""What the hub said before: kept in memory and in the database, with the moment it was said."""

import asyncio
import hashlib
import logging
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError

from vllm_manager.catalog import store
from vllm_manager.db import Database
from vllm_manager.kit.clock import Clock

log = logging.getLogger(__name__)

_KEPT_IN_MEMORY: Final = 256
_KEPT_FOR: Final = timedelta(days=30)
_MOST_KEPT: Final = 2000

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer and when it was given."""

    body: Json
    fetched_at: datetime


def key_of(kind: str, *parts: object, token: str | None = None) -> str:
    """Return where an answer is kept. Answers given to one token are never shown for another."""
    text = "\0".join([kind, *map(str, parts), token or ""])
    return f"{kind}:{hashlib.sha256(text.encode()).hexdigest()}"


class Shelf:
    """Keeps answers for when the hub is away."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._writes: set[asyncio.Task[None]] = set()
        self._memory: OrderedDict[str, Kept] = OrderedDict()

    async def get(self, key: str) -> Kept | None:
        """Return what was kept last under `key`."""
        kept = self._memory.get(key)
        if kept is None:
            async with self._database.read() as session:
                row = await store.answer(session, key)
            if row is None:
                return None
            kept = self._remember(key, Kept(row.body, row.fetched_at))
        return kept

    def put(self, key: str, body: Json) -> Kept:
        """Keep an answer. The disk is written in the background: nobody waits for it."""
        kept = self._remember(key, Kept(body, self._clock.now()))
        task = asyncio.create_task(self._write(key, kept))
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)
        return kept

    async def close(self) -> None:
        """Return when everything is written."""
        while self._writes:
            await asyncio.gather(*self._writes)

    async def _write(self, key: str, kept: Kept) -> None:
        try:
            async with self._database.unit_of_work() as session:
                await store.keep_answer(session, key, kept.body, kept.fetched_at)
        except SQLAlchemyError:
            # What is lost is an answer for when the hub is away, no more.
            log.warning("An answer of the hub could not be kept", exc_info=True)

    async def forget_old(self) -> None:
        """Drop what was said a month ago, and the oldest of very much."""
        async with self._database.unit_of_work() as session:
            await store.forget_answers(session, self._clock.now() - _KEPT_FOR, _MOST_KEPT)

    def age_seconds(self, kept: Kept) -> float:
        return max(0.0, (self._clock.now() - kept.fetched_at).total_seconds())

    def _remember(self, key: str, kept: Kept) -> Kept:
        self._memory[key] = kept
        self._memory.move_to_end(key)
        while len(self._memory) > _KEPT_IN_MEMORY:
            self._memory.popitem(last=False)
        return kept
