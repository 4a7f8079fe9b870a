"""Brings the database to this release's schema: under a lock, after a backup, all or nothing."""

import asyncio
import fcntl
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, ProgrammingError

from vllm_manager.db import Database
from vllm_manager.kit.errors import Problem
from vllm_manager.migrations.schema import SCRIPTS, head_revision, known_revisions

_CHECKED_WHOLE_BYTES = 64 << 20
_ADVISORY_LOCK = 7_305_112


def upgrade(url: str, home: Path) -> bool:
    """Make the database at `url` current and return whether anything had to be done.

    Blocks; called before any loop runs. A database that is current is only read.

    Raises:
        Problem: `database_corrupt`, `database_newer` or `database_unreachable`.
    """
    file = _sqlite_file(url)
    with _lock(home / "run" / "migration.lock"):
        stored = _stored_in_file(file, home) if file else asyncio.run(_stored_on_server(url))
        if stored == head_revision():
            return False
        if stored is not None and stored not in known_revisions():
            raise _newer(stored, home)
        if file and stored is not None:
            back_up(file, home / "backups")
        asyncio.run(_run(url))
        return True


def back_up(file: Path, folder: Path) -> Path:
    """Copy a live SQLite database to a new file in `folder` and return its path."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    target = folder / f"{file.stem}-{stamp}.db"
    draft = target.with_suffix(".part")
    draft.touch(mode=0o600)
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(draft)) as copy:
        source.backup(copy)
    draft.rename(target)
    return target


def newest_backup(home: Path) -> Path | None:
    """Return the newest backup that exists."""
    return max((home / "backups").glob("*.db"), default=None)


def run_scripts(connection: Connection) -> None:
    """Run Alembic's upgrade to the newest revision on `connection`."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


async def _run(url: str) -> None:
    database = Database(url)
    try:
        async with database.engine.connect() as connection:
            writing = await connection.execution_options(writes=True)
            async with writing.begin():
                if database.engine.dialect.name == "postgresql":
                    lock = text("SELECT pg_advisory_xact_lock(:name)")
                    await writing.execute(lock, {"name": _ADVISORY_LOCK})
                await writing.run_sync(run_scripts)
    finally:
        await database.close()


def _sqlite_file(url: str) -> Path | None:
    parts = make_url(url)
    if parts.get_backend_name() != "sqlite" or not parts.database:
        return None
    return Path(parts.database)


@contextmanager
def _lock(path: Path) -> Generator[None]:
    """Hold the file's lock; the kernel lets go of it when this process dies."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _stored_in_file(file: Path, home: Path) -> str | None:
    """Return the revision in an SQLite file, None for a new one, after a look at its health."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not file.exists():
        file.touch(mode=0o600)
        return None
    try:
        with closing(sqlite3.connect(file, timeout=30)) as connection:
            if file.stat().st_size <= _CHECKED_WHOLE_BYTES:
                verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
                if verdict != "ok":
                    raise _corrupt(file, home, verdict)
            return _revision_in(connection)
    except sqlite3.OperationalError as error:
        raise _unreachable(str(error)) from error
    except sqlite3.DatabaseError as error:
        raise _corrupt(file, home, str(error)) from error


def _revision_in(connection: sqlite3.Connection) -> str | None:
    tables = connection.execute("SELECT name FROM sqlite_master WHERE name = 'alembic_version'")
    if tables.fetchone() is None:
        return None
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return row[0] if row else None


async def _stored_on_server(url: str) -> str | None:
    database = Database(url)
    try:
        async with database.engine.connect() as connection:
            result = await connection.execute(text("SELECT version_num FROM alembic_version"))
            return result.scalar()
    except ProgrammingError:
        return None  # the table is not there yet
    except (OSError, DBAPIError) as error:
        raise _unreachable(str(error)) from error
    finally:
        await database.close()


def _corrupt(file: Path, home: Path, why: str) -> Problem:
    backup = newest_backup(home)
    rescue = f"The newest backup is {backup}." if backup else "There is no backup yet."
    return Problem(
        "database_corrupt",
        f"The database {file} is damaged ({why}). Nothing was changed. {rescue} Move the damaged "
        "file and its -wal and -shm companions away and put the backup in its place.",
        status=500,
    )


def _newer(stored: str, home: Path) -> Problem:
    backup = newest_backup(home)
    rescue = f", or go back to the backup {backup}" if backup else ""
    return Problem(
        "database_newer",
        f"The database was written by a newer release (schema {stored}; this release knows "
        f"{head_revision()}). Install the newer release{rescue}.",
        status=500,
    )


def _unreachable(why: str) -> Problem:
    return Problem(
        "database_unreachable",
        f"The database can't be opened: {why}. Check VLLM_MANAGER_DATABASE_URL, the disk and the "
        "permissions of the home folder.",
        status=500,
    )
