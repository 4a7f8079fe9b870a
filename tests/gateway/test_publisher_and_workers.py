"""Changes of keys reach every worker of a real gateway."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio

from support.application import Running, running_in
from support.control_plane import TOKEN
from support.gateway import Gateway
from support.keys import ask, bearer, key
from support.serving import serving
from vllm_manager.gateway.publisher import SnapshotPublisher
from vllm_manager.kit.private_files import write_private

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.integration]

WORKERS = 2
# The promise is a second; a busy machine is given more.
WITHIN_SECONDS = 20.0
# Each request has a connection of its own: it is next to impossible that one worker takes all.
REQUESTS = 24


@dataclass
class Whole:
    """A control plane and a gateway with two workers in front of it."""

    control: Running
    gateway: Gateway

    async def statuses(self, secret: str) -> set[int]:
        """Return how requests over many connections are answered."""

        once = httpx.Limits(max_keepalive_connections=0)
        async with httpx.AsyncClient(trust_env=False, timeout=60, limits=once) as client:
            url, headers = f"{self.gateway.url}/v1/models", bearer(secret)
            answers = [await client.get(url, headers=headers) for _ in range(REQUESTS)]
        return {answer.status_code for answer in answers}

    async def until_all_answer(self, secret: str, status: int) -> None:
        async with asyncio.timeout(WITHIN_SECONDS):
            while await self.statuses(secret) != {status}:
                pass


@asynccontextmanager
async def whole_in(home: Path) -> AsyncGenerator[Whole]:
    write_private(home / "secrets" / "internal_token", TOKEN)
    async with running_in(home) as control, serving(control.app) as url:
        port = urlsplit(url).port
        assert port is not None
        async with Gateway(home, port, workers=WORKERS) as gateway:
            publisher: SnapshotPublisher = control.app.state.publisher
            await gateway.when(
                lambda: [w.snapshot_version > 0 for w in publisher.workers()] == [True] * WORKERS
            )
            yield Whole(control, gateway)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def whole(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Whole]:
    async with whole_in(tmp_path_factory.mktemp("whole")) as whole:
        yield whole


async def test_a_key_works_at_every_worker_until_it_is_revoked(whole: Whole) -> None:
    secret, made = await key(whole.control)
    await whole.until_all_answer(secret, 200)
    await ask(whole.control, None, "POST", f"/keys/{made['id']}/revoke")
    await whole.until_all_answer(secret, 401)
    assert await whole.statuses(secret) == {401}


async def test_both_keys_work_while_one_takes_over_from_the_other(whole: Whole) -> None:
    old_secret, made = await key(whole.control)
    answer = await ask(whole.control, None, "POST", f"/keys/{made['id']}/rotate")
    await whole.until_all_answer(answer["secret"], 200)
    assert await whole.statuses(old_secret) == {200}
    await ask(whole.control, None, "POST", f"/keys/{made['id']}/revoke")
    await whole.until_all_answer(old_secret, 401)
    assert await whole.statuses(answer["secret"]) == {200}
