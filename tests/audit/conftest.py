"""What the tests of the audit log share."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from fakes.clock import FakeClock
from support.application import Running, database_in, running_in
from vllm_manager.audit import AuditLog
from vllm_manager.db import Database


@pytest.fixture
async def control(tmp_path: Path) -> AsyncGenerator[Running]:
    async with running_in(tmp_path) as running:
        yield running


@pytest.fixture
async def database(tmp_path: Path) -> AsyncGenerator[Database]:
    async with database_in(tmp_path) as database:
        yield database


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def audit(database: Database, clock: FakeClock) -> AuditLog:
    """A log that keeps entries for ten days."""
    return AuditLog(database, clock, 10)


@pytest.fixture
async def timed(tmp_path: Path, clock: FakeClock) -> AsyncGenerator[Running]:
    """The application on the clock that the test moves."""
    async with running_in(tmp_path, clock) as control:
        yield control
