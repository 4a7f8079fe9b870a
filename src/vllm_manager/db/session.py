"""Engine, sessions and the unit of work: short transactions that commit at the edge."""

import contextlib
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    """Set a write-ahead log, 30 s of patience for a lock, foreign keys, and durable commits."""
    connection.isolation_level = None  # transactions are begun by `_begin_sqlite` alone
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "busy_timeout=30000",
        "foreign_keys=ON",
        "synchronous=FULL",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _release_sqlite(connection: Any, _record: object, _error: object) -> None:
    """Roll a cancelled transaction back before its connection is closed.

    A statement that was cancelled half-way would keep the closed connection, and with it the write
    lock, until the garbage collector finds it.
    """
    with contextlib.suppress(DBAPIError, sqlite3.Error):
        connection.rollback()


def _begin_sqlite(connection: Connection) -> None:
    """Take the write lock at once in a unit of work: reading, then writing, can't fail half-way."""
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


# SQLite has one writer at a time. PostgreSQL is held to the same, so that what was read in a unit
# of work stays true until it commits, on both: writes are short, and few beside reads.
_ONE_WRITER = text("SELECT pg_advisory_xact_lock(7305113)")


class Database:
    """One pool of connections to SQLite or PostgreSQL.

    Never make a network call inside one of its sessions.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = create_async_engine(url)
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine.sync_engine, "connect", _prepare_sqlite)
            event.listen(self.engine.sync_engine, "begin", _begin_sqlite)
            event.listen(self.engine.sync_engine, "invalidate", _release_sqlite)
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[AsyncSession]:
        """A session for reading; anything written in it is rolled back."""
        async with self._sessions() as session:
            yield session

    @asynccontextmanager
    async def unit_of_work(self) -> AsyncGenerator[AsyncSession]:
        """A transaction: committed when the block ends, rolled back when it raises.

        One at a time: another waits where it begins.
        """
        async with self._sessions.begin() as session:
            await session.connection(execution_options={"writes": True})
            if self.engine.dialect.name == "postgresql":
                await session.execute(_ONE_WRITER)
            yield session

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()
