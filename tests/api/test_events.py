"""The event stream: a snapshot, then changes, replay after a break, and nothing left behind."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from support.application import Running
from support.people import person
from support.serving import serving
from vllm_manager.api.events import Events
from vllm_manager.configs.withheld import MASK
from vllm_manager.kit.topics import Hub

pytestmark = pytest.mark.integration

EVENTS = "/api/v1/events"
WITHIN_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Event:
    id: str | None
    event: str
    data: Any


@dataclass(frozen=True, slots=True)
class Station:
    """A served control plane, its hub, and a client with a key."""

    control: Running
    client: httpx.AsyncClient
    hub: Hub
    events: Events

    @asynccontextmanager
    async def listen(
        self, topics: str = "operations", last: str | None = None
    ) -> AsyncGenerator[AsyncIterator[Event]]:
        headers = {} if last is None else {"last-event-id": last}
        request = self.client.stream("GET", EVENTS, params={"topics": topics}, headers=headers)
        async with asyncio.timeout(WITHIN_SECONDS), request as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            yield parsed(answer.aiter_lines())

    def publish(self, number: int) -> None:
        self.hub.publish("operations", "operation", {"id": number})


async def parsed(lines: AsyncIterator[str]) -> AsyncIterator[Event]:
    fields: dict[str, str] = {}
    async for line in lines:
        name, _, value = line.partition(": ")
        if line and name:
            fields[name] = value
        elif fields:
            yield Event(fields.get("id"), fields["event"], json.loads(fields["data"]))
            fields = {}


@pytest.fixture
async def station(control: Running) -> AsyncGenerator[Station]:
    limits = httpx.Limits(max_connections=None)
    async with (
        serving(control.app) as url,
        httpx.AsyncClient(
            base_url=url, headers=control.bearer, timeout=WITHIN_SECONDS, limits=limits
        ) as client,
    ):
        events: Events = control.app.state.events
        yield Station(control, client, events.hub, events)


async def gone(station: Station) -> None:
    async with asyncio.timeout(WITHIN_SECONDS):
        while station.hub.subscriber_count or station.events.open_count:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.01)


async def test_a_new_client_gets_a_snapshot_and_then_each_change(station: Station) -> None:
    async with station.listen("operations,deployments") as events:
        first = await anext(events)
        assert (first.event, first.data) == ("snapshot", {"operations": [], "deployments": []})
        station.publish(1)
        station.hub.publish("logs:demo", "log", {})
        station.publish(2)
        received = [await anext(events), await anext(events)]
    assert [event.data for event in received] == [{"id": 1}, {"id": 2}]
    assert received[0].id == f"{station.hub.epoch}.{station.hub.last_id - 2}"


async def test_a_client_that_comes_back_gets_what_it_missed(station: Station) -> None:
    for number in range(5):
        station.publish(number)
    last = f"{station.hub.epoch}.{station.hub.last_id - 2}"
    async with station.listen(last=last) as events:
        assert [(await anext(events)).data["id"] for _ in range(2)] == [3, 4]
        station.publish(5)
        assert (await anext(events)).data["id"] == 5


@pytest.mark.parametrize("last", ["another-life.3", "nonsense", "{epoch}.999999"])
async def test_a_client_from_another_life_is_told_to_start_over(
    station: Station, last: str
) -> None:
    station.publish(1)
    async with station.listen(last=last.replace("{epoch}", station.hub.epoch)) as events:
        assert [(await anext(events)).event for _ in range(2)] == ["resync", "snapshot"]


async def test_a_client_that_reads_too_slowly_is_told_to_start_over(station: Station) -> None:
    async with station.listen() as events:
        await anext(events)
        for number in range(1500):  # more than its queue holds, before it can run
            station.publish(number)
        assert [(await anext(events)).event for _ in range(2)] == ["resync", "snapshot"]


async def test_a_heartbeat_shows_that_the_stream_lives(station: Station) -> None:
    station.events.heartbeat_seconds = 0.05
    async with station.listen() as events:
        await anext(events)
        beat = await anext(events)
    assert beat.event == "heartbeat"
    assert beat.id is None
    assert beat.data["at"]


async def test_the_log_of_one_deployment_is_a_topic(station: Station) -> None:
    async with station.listen("logs:demo") as events:
        assert (await anext(events)).data == {}
        station.hub.publish("logs:other", "log", {"deployment": "other"})
        station.hub.publish("logs:demo", "log", {"deployment": "demo"})
        assert (await anext(events)).data == {"deployment": "demo"}


@pytest.mark.parametrize("topics", ["", "everything", "logs:", "logs:../x", "logs:A"])
async def test_an_unknown_topic_is_refused(station: Station, topics: str) -> None:
    answer = await station.client.get(EVENTS, params={"topics": topics})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "topics"


async def test_a_stream_ends_with_the_login_that_opened_it(station: Station) -> None:
    station.events.heartbeat_seconds = 0.05
    csrf = await station.control.log_in()
    token = station.control.client.cookies["vllm_manager_session"]
    async with (
        asyncio.timeout(WITHIN_SECONDS),
        httpx.AsyncClient(base_url=station.client.base_url) as browser,
        browser.stream(
            "GET", EVENTS, headers={"cookie": f"vllm_manager_session={token}"}
        ) as stream,
    ):
        events = parsed(stream.aiter_lines())
        await anext(events)
        await station.control.client.post("/api/v1/auth/logout", headers=csrf)
        left = [event.event async for event in events]
    assert set(left) <= {"heartbeat"}


async def test_clients_that_vanish_leave_nothing_behind(station: Station) -> None:
    tasks_before = len(asyncio.all_tasks())
    async with AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(station.listen()) for _ in range(200)]
        for events in streams:
            await anext(events)
        assert station.hub.subscriber_count == 200
    await gone(station)
    async with asyncio.timeout(WITHIN_SECONDS):
        while len(asyncio.all_tasks()) > tasks_before + 2:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.01)


async def test_a_process_that_stops_ends_its_streams(station: Station) -> None:
    async with station.listen() as events:
        await anext(events)
        station.control.app.state.close_streams()
        assert [event async for event in events] == []
    await gone(station)


async def test_a_stream_shows_values_of_the_environment_to_operators_alone(
    station: Station,
) -> None:
    shown = {"operator": "2", "member": MASK, "viewer": MASK}
    for role, value in shown.items():
        user = await person(station.control, role)
        async with (
            httpx.AsyncClient(base_url=station.client.base_url, headers=user.headers) as client,
            Station(station.control, client, station.hub, station.events).listen(
                "deployments"
            ) as events,
        ):
            assert (await anext(events)).event == "snapshot"
            view = {"name": "chat", "spec": {"environment": {"OMP_NUM_THREADS": "2"}}}
            station.hub.publish("deployments", "deployment", view)
            assert (await anext(events)).data["spec"]["environment"]["OMP_NUM_THREADS"] == value
