"""The schema is built, upgraded and guarded as its module says."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from vllm_manager.kit.errors import Problem
from vllm_manager.migrations import head_revision, upgrade
from vllm_manager.migrations.metadata import METADATA
from vllm_manager.migrations.schema import SCRIPTS
from vllm_manager.migrations.upgrade import back_up


def url_of(file: Path) -> str:
    return f"sqlite+aiosqlite:///{file}"


def execute(file: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(file)) as connection, connection:
        return connection.execute(sql).fetchall()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "test.db"


def test_the_file_names_name_the_revisions_that_alembic_finds() -> None:
    assert ScriptDirectory(str(SCRIPTS)).get_current_head() == head_revision()


def test_the_migrated_schema_is_what_the_tables_say(file: Path, tmp_path: Path) -> None:
    assert upgrade(url_of(file), tmp_path)
    engine = create_engine(f"sqlite:///{file}")
    with engine.connect() as connection:
        difference = compare_metadata(MigrationContext.configure(connection), METADATA)
    engine.dispose()
    assert difference == []


def test_a_new_database_is_readable_by_its_owner_alone(file: Path, tmp_path: Path) -> None:
    upgrade(url_of(file), tmp_path)
    assert file.stat().st_mode & 0o077 == 0


def test_a_current_database_is_left_alone(file: Path, tmp_path: Path) -> None:
    upgrade(url_of(file), tmp_path)
    assert not upgrade(url_of(file), tmp_path)
    assert not (tmp_path / "backups").exists()


def test_a_current_database_is_checked_without_alembic(file: Path, tmp_path: Path) -> None:
    upgrade(url_of(file), tmp_path)
    program = (
        "import sys, pathlib; from vllm_manager.migrations import upgrade; "
        "upgrade(sys.argv[1], pathlib.Path(sys.argv[2])); "
        "assert 'alembic' not in sys.modules"
    )
    command = [sys.executable, "-c", program, url_of(file), str(tmp_path)]
    subprocess.run(command, check=True, timeout=60)


def test_a_database_of_a_newer_release_is_refused_untouched(file: Path, tmp_path: Path) -> None:
    upgrade(url_of(file), tmp_path)
    execute(file, "UPDATE alembic_version SET version_num = '9999_future'")
    with pytest.raises(Problem) as caught:
        upgrade(url_of(file), tmp_path)
    assert caught.value.code == "database_newer"
    assert "9999_future" in caught.value.details.detail
    assert execute(file, "SELECT version_num FROM alembic_version") == [("9999_future",)]


def test_a_damaged_database_is_refused_and_the_newest_backup_named(
    file: Path, tmp_path: Path
) -> None:
    file.write_bytes(b"this is not a database at all" * 100)
    (tmp_path / "backups").mkdir()
    backup = tmp_path / "backups" / "test-20260101T000000.000000Z.db"
    backup.touch()
    with pytest.raises(Problem) as caught:
        upgrade(url_of(file), tmp_path)
    assert caught.value.code == "database_corrupt"
    assert str(backup) in caught.value.details.detail


def test_a_migration_that_fails_changes_nothing(file: Path, tmp_path: Path) -> None:
    execute(file, "CREATE TABLE users (id TEXT)")  # in the way of the first revision
    with pytest.raises(Exception, match="users"):
        upgrade(url_of(file), tmp_path)
    assert execute(file, "SELECT name FROM sqlite_master WHERE type = 'table'") == [("users",)]


def test_an_existing_database_is_backed_up_before_it_is_changed(file: Path, tmp_path: Path) -> None:
    upgrade(url_of(file), tmp_path)
    copy = back_up(file, tmp_path / "backups")
    assert execute(copy, "SELECT version_num FROM alembic_version") == [(head_revision(),)]
    assert copy.stat().st_mode & 0o077 == 0
    assert list((tmp_path / "backups").iterdir()) == [copy]


@pytest.mark.integration
def test_several_processes_that_start_at_once_build_one_schema(file: Path, tmp_path: Path) -> None:
    program = (
        "import sys, pathlib; from vllm_manager.migrations import upgrade; "
        "print(upgrade(sys.argv[1], pathlib.Path(sys.argv[2])))"
    )
    command = [sys.executable, "-c", program, url_of(file), str(tmp_path)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    answers = [process.communicate(timeout=60)[0].strip() for process in started]
    assert sorted(answers) == ["False", "False", "True"]
