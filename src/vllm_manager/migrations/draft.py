"""Writes the draft of a revision: `python -m vllm_manager.migrations.draft 0002_more "Say why"`."""

import asyncio
import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from vllm_manager.db import Database
from vllm_manager.migrations.schema import SCRIPTS, known_revisions
from vllm_manager.migrations.upgrade import run_scripts


def main() -> None:
    """Compare the tables with what the revisions build, and write the difference."""
    revision, message = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_draft(Path(folder) / "draft.db", revision, message))


async def _draft(file: Path, revision: str, message: str) -> None:
    database = Database(f"sqlite+aiosqlite:///{file}")
    try:
        async with database.engine.begin() as connection:
            await connection.run_sync(_write, revision, message)
    finally:
        await database.close()


def _write(connection: Connection, revision: str, message: str) -> None:
    if known_revisions():
        run_scripts(connection)
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.set_main_option("file_template", "%%(rev)s")
    config.attributes["connection"] = connection
    command.revision(config, message, autogenerate=True, rev_id=revision)


if __name__ == "__main__":
    main()
