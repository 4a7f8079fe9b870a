"""Fixtures of access's tests."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from fakes.clock import FakeClock
from support.application import Running, running_in


@pytest.fixture
async def control(tmp_path: Path) -> AsyncGenerator[Running]:
    async with running_in(tmp_path) as control:
        yield control


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def timed(tmp_path: Path, clock: FakeClock) -> AsyncGenerator[Running]:
    """The application on the clock that the test moves."""
    async with running_in(tmp_path, clock) as control:
        yield control
