"""Fixtures of the limits' tests."""

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
async def timed(tmp_path: Path) -> AsyncGenerator[Running]:
    """The application on a clock that stands at the beginning of 2026."""
    async with running_in(tmp_path, FakeClock()) as control:
        yield control
