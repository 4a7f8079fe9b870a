"""The gateway follows keys, sessions and routes as a stream of whole snapshots."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from fakes.clock import FakeClock
from support.application import Running, database_in
from support.pace import slowness
from support.serving import serving
from vllm_manager.auth import Access, Caller, InForce, ensure_administrator
from vllm_manager.auth.first_start import read_credentials
from vllm_manager.auth.keys import Keys
from vllm_manager.auth.subjects import Subjects
from vllm_manager.db import Database
from vllm_manager.gateway.publisher import SnapshotPublisher
from vllm_manager.kit.secrets import fingerprint
from vllm_manager.limits import Spending
from vllm_manager.limits.policies import KeyPolicies, Policies

ROUTE: dict[str, Any] = {
    "deployment": "demo",
    "created": 1,
    "phase": "ready",
    "reason": None,
    "retry_after_seconds": 5,
    "max_concurrent_requests": None,
    "max_queued_requests": 128,
    "queue_wait_seconds": 30.0,
    "endpoints": [],
}


class Source:
    """A publisher over real access and limits, and routes that a test sets."""

    def __init__(self, database: Database, file: Path) -> None:
        clock = FakeClock()
        self.access = Access(database, clock)
        self.admin = read_credentials(file)
        self.routes: dict[str, Any] | None = {"demo": ROUTE}
        keys = Keys(database, clock, KeyPolicies(clock), lambda: None)
        spending = Spending(database, clock)
        policies = Policies(database, clock, keys, Subjects(database), spending, lambda: None)
        in_force = InForce(database, clock)
        self.publisher = SnapshotPublisher(in_force, policies, self._routes, clock, "epoch-1")

    async def _routes(self) -> dict[str, Any] | None:
        return self.routes

    async def log_in(self) -> None:
        await self.access.log_in(self.admin.username, self.admin.password, Caller("192.0.2.1"))


@pytest.fixture
async def source(tmp_path: Path) -> AsyncGenerator[Source]:
    file = tmp_path / "admin.json"
    async with database_in(tmp_path) as database:
        await ensure_administrator(database, FakeClock(), file)
        yield Source(database, file)


async def newest(stream: AsyncIterator[bytes]) -> dict[str, Any]:
    async with asyncio.timeout(90):
        return json.loads(await anext(stream))


async def test_a_snapshot_says_what_the_gateway_needs(source: Source) -> None:
    await source.log_in()
    await source.publisher.refresh()
    stream = source.publisher.stream(7)
    snapshot = await newest(stream)
    await stream.aclose()
    assert (snapshot["version"], snapshot["epoch"]) == (1, "epoch-1")
    key = snapshot["keys"][fingerprint(source.admin.api_key)]
    assert (key["name"], key["expires_at"], key["models"]) == ("admin", None, None)
    [session] = snapshot["sessions"].values()
    assert session["user"] == key["user"]
    assert len(session["csrf"]) == 64
    assert snapshot["models"] == {"demo": ROUTE}


async def test_an_equal_snapshot_is_not_sent_again(source: Source) -> None:
    await source.publisher.refresh()
    await source.publisher.refresh()
    assert source.publisher.version == 1
    source.routes = {}
    await source.publisher.refresh()
    assert source.publisher.version == 2


async def test_a_slow_worker_skips_to_the_newest(source: Source) -> None:
    await source.publisher.refresh()
    stream = source.publisher.stream(None)
    assert (await newest(stream))["version"] == 1
    for phase in ("degraded", "failed", "stopped"):
        source.routes = {"demo": {**ROUTE, "phase": phase}}
        await source.publisher.refresh()
    snapshot = await newest(stream)
    await stream.aclose()
    assert (snapshot["version"], snapshot["models"]["demo"]["phase"]) == (4, "stopped")


async def test_who_may_ask_is_published_before_the_routes_are_known(source: Source) -> None:
    source.routes = None
    await source.publisher.refresh()
    stream = source.publisher.stream(None)
    snapshot = await newest(stream)
    await stream.aclose()
    assert snapshot["version"] == 1
    assert snapshot["models"] is None
    assert snapshot["keys"]


async def test_a_login_is_published_also_while_the_routes_are_unknown(source: Source) -> None:
    await source.publisher.refresh()
    source.routes = None
    await source.log_in()
    await source.publisher.refresh()
    assert source.publisher.version == 2


async def test_workers_are_known_while_they_listen(source: Source) -> None:
    await source.publisher.refresh()
    stream = source.publisher.stream(7)
    await newest(stream)
    [worker] = source.publisher.workers()
    assert worker.pid == 7
    await stream.aclose()
    assert source.publisher.workers() == []


async def test_a_closed_publisher_ends_its_streams(source: Source) -> None:
    await source.publisher.refresh()
    stream = source.publisher.stream(7)
    await newest(stream)
    source.publisher.close()
    assert [line async for line in stream] == []


async def test_a_login_reaches_every_worker_within_200_milliseconds(control: Running) -> None:
    publisher: SnapshotPublisher = control.app.state.publisher
    took: list[float] = []
    async with asyncio.timeout(90), serving(control.app):
        while publisher.version == 0:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.01)
        streams = [publisher.stream(pid) for pid in range(3)]
        for stream in streams:
            await newest(stream)
        for logins in range(1, 6):
            control.client.cookies.clear()  # another browser: this one's login would be ended
            await control.log_in()
            began = time.monotonic()
            snapshots = [json.loads(await anext(stream)) for stream in streams]
            took.append(time.monotonic() - began)
            assert [len(snapshot["sessions"]) for snapshot in snapshots] == [logins] * 3
        for stream in streams:
            await stream.aclose()
    assert median(took) <= 0.2 * slowness(), took
