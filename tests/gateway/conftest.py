"""What the gateway's tests share: one rig for a module's tests, put back in order between them."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio

from support.gateway import Rig, rig


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_rig(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Rig]:
    """A gateway with one worker and two engines."""
    async with rig(tmp_path_factory.mktemp("gateway"), engines=2) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def one(shared_rig: Rig) -> Rig:
    """A gateway in front of one engine."""
    await shared_rig.reset(serving=1)
    return shared_rig


@pytest_asyncio.fixture(loop_scope="module")
async def two(shared_rig: Rig) -> Rig:
    """A gateway in front of two engines for the same model."""
    await shared_rig.reset(serving=2)
    return shared_rig


@pytest_asyncio.fixture(loop_scope="module")
async def fresh(tmp_path: Path) -> AsyncGenerator[Rig]:
    """A gateway of one's own in front of one engine, for a look at all that it reports."""
    async with rig(tmp_path) as made:
        yield made
