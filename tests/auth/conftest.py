"""Fixtures of access's tests."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from support.application import Running, running_in


@pytest.fixture
async def control(tmp_path: Path) -> AsyncGenerator[Running]:
    async with running_in(tmp_path) as control:
        yield control
