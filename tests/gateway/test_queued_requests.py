"""Requests that wait for a slot of their model, through real gateway processes."""

import asyncio
import os
import signal
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, get_args

import httpx
import pytest

from support.control_plane import sha256, snapshot
from support.gateway import AUTHORIZATION, Gateway, Rig, rig
from support.http_server import Exchange
from support.upstream import Held, answer
from vllm_manager.gateway.accounts import SUM, open_accounts
from vllm_manager.gateway.requests.wire import RequestState

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.integration]

SLOTS = 4
CLIENTS = 200
MOST_WAITING = 150
WAIT_SECONDS = 30.0
PRIORITIES = ("low", "normal", "high")
QUEUE = {"max_concurrent_requests": 1, "max_queued_requests": 2, "queue_wait_seconds": 30.0}


async def figures(gateway: Gateway) -> dict[str, int]:
    """Return the gateway's own figures for “demo”."""
    text = (await gateway.client.get("/gateway/metrics", headers=AUTHORIZATION)).text
    values = [line.split(" ") for line in text.splitlines() if 'model="demo"' in line]
    return {name.split("{")[0].rpartition("gateway_")[2]: int(value) for name, value in values}


async def when(gateway: Gateway, holds: Callable[[dict[str, int]], bool]) -> None:
    """Wait until the gateway's figures are so."""
    async with asyncio.timeout(30):
        while not holds(await figures(gateway)):  # noqa: ASYNC110 - about other processes
            await asyncio.sleep(0.005)


async def hold_the_slot(made: Rig) -> tuple[Held, "asyncio.Task[httpx.Response]"]:
    """Ask for an answer that takes until the test lets it end."""
    made.engine.handler = held = Held()
    first = asyncio.create_task(made.gateway.chat())
    await asyncio.wait_for(held.waiting.wait(), 30)
    return held, first


async def wait_in_line(made: Rig, waiting: int = 1) -> "asyncio.Task[httpx.Response]":
    """Ask for an answer and be the one whose place in the queue has this number."""
    request = asyncio.create_task(made.gateway.chat())
    await when(made.gateway, lambda now: now["queued"] == waiting)
    return request


def code(response: httpx.Response) -> str:
    return response.json()["error"]["code"]


async def test_a_request_waits_for_its_turn_and_says_how_long(fresh: Rig) -> None:
    await fresh.publish(**QUEUE)
    held, first = await hold_the_slot(fresh)
    second = await wait_in_line(fresh)
    assert len(fresh.engine.exchanges) == 1
    fresh.engine.handler = answer
    held.go_on.set()
    assert "x-queue-seconds" not in (await first).headers
    response = await second
    assert response.status_code == 200
    waited = float(response.headers["x-queue-seconds"])
    assert waited > 0
    records = await fresh.control.wait_for_records(2)
    assert [record["queue_seconds"] for record in records] == [0, pytest.approx(waited, abs=0.001)]


async def test_a_full_queue_is_answered_at_once(one: Rig) -> None:
    await one.publish(**QUEUE)
    held, first = await hold_the_slot(one)
    waiting = [await wait_in_line(one, number) for number in (1, 2)]
    refused = await one.gateway.chat()
    held.go_on.set()
    assert (refused.status_code, code(refused)) == (503, "model_overloaded")
    assert int(refused.headers["retry-after"]) >= 1
    assert {(await each).status_code for each in (first, *waiting)} == {200}


async def test_who_waits_too_long_is_told_so_and_gets_everything_back(tmp_path: Path) -> None:
    async with rig(tmp_path) as made:
        entry = made.entry(**{**QUEUE, "queue_wait_seconds": 0.2})
        limits = {"key:key_1": {"tokens_per_day": 10**6, "concurrent_requests": 9}}
        await made.gateway.publish(made.control, snapshot({"demo": entry}, limits=limits))
        held, first = await hold_the_slot(made)
        late = await made.gateway.chat()
        assert (late.status_code, code(late)) == (503, "queue_timeout")
        assert 0.2 <= float(late.headers["x-queue-seconds"]) < WAIT_SECONDS
        held.go_on.set()
        await first
        (record,) = await made.control.wait_for_records(1)
        assert record["outcome"] == "ok"
        assert await made.control.wait_for_refusals(1) == {("key_1", "demo", 503): 1}
        rows = [row for told in made.control.told for row in told["ended"]]
        assert {row["state"] for row in rows} <= {*get_args(RequestState)}
        accounts = open_accounts(made.gateway.run_dir / "gateway-limits", is_shared=True)
        found = accounts.place("key:key_1", time.monotonic(), 0)
        assert found is not None
        assert accounts.cells[found[0] + SUM] == 10  # what the first one used
        assert await figures(made.gateway) == {"in_flight": 0, "queued": 0}


@pytest.mark.parametrize(
    ("entry", "refusal"),
    [
        ({"phase": "stopped", "endpoints": []}, "model_stopped"),
        ({"phase": "loading", "endpoints": []}, "model_not_ready"),
    ],
)
async def test_a_model_that_stops_answers_those_who_wait(
    one: Rig, entry: dict[str, Any], refusal: str
) -> None:
    await one.publish(**QUEUE)
    held, first = await hold_the_slot(one)
    second = await wait_in_line(one)
    await one.publish(**QUEUE, **entry)
    response = await asyncio.wait_for(second, 5)
    held.go_on.set()
    await first
    assert (response.status_code, code(response)) == (503, refusal)


async def test_a_gateway_that_stops_answers_those_who_wait(tmp_path: Path) -> None:
    async with rig(tmp_path) as made:
        await made.publish(**QUEUE)
        held, first = await hold_the_slot(made)
        second = await wait_in_line(made)
        stopped = asyncio.create_task(made.gateway.stop())
        response = await asyncio.wait_for(second, 5)
        held.go_on.set()
        assert (response.status_code, code(response)) == (503, "gateway_stopping")
        assert (await first).status_code == 200
        assert await stopped == 0


async def test_a_request_may_lower_itself_by_a_header(one: Rig) -> None:
    response = await one.gateway.client.post(
        "/v1/chat/completions",
        json={"model": "demo"},
        headers={**AUTHORIZATION, "x-priority": "urgent"},
    )
    assert (response.status_code, code(response)) == (400, "invalid_value")


# Two workers


class Outcome(NamedTuple):
    """What came of one client's request."""

    priority: str
    status: int
    code: str | None
    seconds: float


class Counting:
    """An engine that answers slowly, and notes how many requests it had at most."""

    def __init__(self) -> None:
        self.now = self.most = 0

    async def __call__(self, exchange: Exchange) -> None:
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0.02)
        self.now -= 1  # the gateway gives the slot back when it has seen the end
        await answer(exchange)


def keys() -> dict[str, dict[str, Any]]:
    """Return a key of each priority, by the fingerprint."""
    return {
        sha256(f"vm-{each}"): {"id": f"key_{each}", "user": "usr_1", "priority": each}
        for each in PRIORITIES
    }


def clients(gateway: Gateway) -> httpx.AsyncClient:
    """Return what asks on as many connections as there are requests at once."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    return httpx.AsyncClient(base_url=gateway.url, timeout=60, trust_env=False, limits=limits)


async def ask(client: httpx.AsyncClient, priority: str) -> Outcome:
    began = time.monotonic()
    response = await client.post(
        "/v1/chat/completions",
        json={"model": "demo"},
        headers={"authorization": f"Bearer vm-{priority}"},
    )
    seconds = time.monotonic() - began
    failed = code(response) if response.status_code != 200 else None
    return Outcome(priority, response.status_code, failed, seconds)


async def test_200_clients_share_4_slots_over_two_workers_by_their_priorities(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, workers=2) as made, clients(made.gateway) as client:
        entry = made.entry(
            max_concurrent_requests=SLOTS,
            max_queued_requests=MOST_WAITING,
            queue_wait_seconds=WAIT_SECONDS,
        )
        await both_know(made, snapshot({"demo": entry}))
        made.engine.handler = counting = Counting()
        asked = [ask(client, PRIORITIES[number % 3]) for number in range(CLIENTS)]
        outcomes = await asyncio.gather(*asked)
        assert counting.most <= SLOTS
        assert {outcome.status for outcome in outcomes} <= {200, 503}
        assert {o.code for o in outcomes} <= {None, "model_overloaded"}
        assert max(outcome.seconds for outcome in outcomes) < WAIT_SECONDS
        served = {
            p: [o for o in outcomes if o.priority == p and o.code is None] for p in PRIORITIES
        }
        asked_high = sum(outcome.priority == "high" for outcome in outcomes)
        assert len(served["high"]) == asked_high
        waits = {p: statistics.median([o.seconds for o in each]) for p, each in served.items()}
        assert waits["high"] < waits["normal"] < waits["low"], waits
        await when(made.gateway, lambda now: now == {"in_flight": 0, "queued": 0})


async def both_know(made: Rig, content: dict[str, Any]) -> None:
    """Publish, and wait until each worker has it: one that starts anew begins with it."""
    content["keys"].update(keys())
    version = await made.control.publish(content)
    in_a_row = 0
    async with asyncio.timeout(60), clients(made.gateway) as client:
        while in_a_row < 20:  # each on a connection of its own, so to either worker
            health = (await client.get("/gateway/healthz")).json()
            in_a_row = in_a_row + 1 if health["snapshot_version"] == version else 0


async def test_a_killed_worker_takes_no_slot_and_no_place_with_it(tmp_path: Path) -> None:
    async with rig(tmp_path, workers=2) as made, clients(made.gateway) as client:
        entry = made.entry(**{**QUEUE, "max_queued_requests": 20})
        await both_know(made, snapshot({"demo": entry}))
        made.engine.handler = held = Held()
        asked = [asyncio.create_task(ask(client, "normal")) for _ in range(16)]
        await when(made.gateway, lambda now: now == {"in_flight": 1, "queued": 15})
        os.kill(made.gateway.worker_pids[0], signal.SIGKILL)
        made.engine.handler = answer
        held.go_on.set()
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        answered = [each for each in outcomes if isinstance(each, Outcome)]
        assert {each.status for each in answered} <= {200}
        await when(made.gateway, lambda now: now == {"in_flight": 0, "queued": 0})
        assert (await made.gateway.chat()).status_code == 200
