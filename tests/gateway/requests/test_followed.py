"""What a gateway tells of its requests, and what it does when it is told to break one off."""

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from support.gateway import AUTHORIZATION, Rig, rig
from support.pace import slowness
from support.upstream import Held

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.integration]

Json = dict[str, Any]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Rig]:
    """A gateway that writes its log in full."""
    async with rig(tmp_path_factory.mktemp("gateway"), log_level="info") as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def one(shared: Rig) -> Rig:
    shared.control.orders = {}
    await shared.reset(serving=1)
    return shared


async def under_way(one: Rig, request_id: str, *states: str) -> Json:
    """Wait until a request is told to be in one of these states."""
    told = await one.control.wait_until_told(
        lambda told: any(r["id"] == request_id and r["state"] in states for r in told["under_way"])
    )
    return next(row for row in told["under_way"] if row["id"] == request_id)


async def ended(one: Rig, request_id: str) -> Json:
    """Wait until it is told that a request ended."""
    seen = [row for told in one.control.told for row in told["ended"] if row["id"] == request_id]
    if seen:
        return seen[0]
    told = await one.control.wait_until_told(
        lambda told: any(row["id"] == request_id for row in told["ended"])
    )
    return next(row for row in told["ended"] if row["id"] == request_id)


def ask(one: Rig, request_id: str, **body: Any) -> asyncio.Task[httpx.Response]:
    request: Json = {"model": "demo", "messages": [], **body}
    headers = {**AUTHORIZATION, "x-request-id": request_id}
    return asyncio.create_task(
        one.gateway.client.post("/v1/chat/completions", json=request, headers=headers)
    )


async def test_a_stream_is_in_prefill_and_then_in_decode(one: Rig) -> None:
    before, between = Held(), Held(chunks_first=3)
    one.engine.handler = before
    first = ask(one, "first", stream=True)
    row = await under_way(one, "first", "prefill")
    assert (row["deployment"], row["replica"], row["key_class"]) == ("demo", "replica-0", "user")
    assert row["client"] == "127.0.0.1"
    assert "ttft_seconds" not in row
    one.engine.handler = between
    second = ask(one, "second", stream=True)
    row = await under_way(one, "second", "decode")
    assert row["ttft_seconds"] > 0
    assert row["completion_tokens"] == 3
    before.go_on.set()
    between.go_on.set()
    await asyncio.gather(first, second)
    row = await ended(one, "first")
    assert (row["state"], row["status"], row["status_class"]) == ("done", 200, "2xx")
    assert (row["prompt_tokens"], row["completion_tokens"]) == (7, 3)


async def test_a_worker_says_which_it_is_and_whether_it_was_heard_before(one: Rig) -> None:
    again = await one.control.wait_until_told(lambda told: told["was_heard"])
    assert again["index"] == 0
    assert one.control.told[0]["was_heard"] is False


async def test_a_whole_answer_tells_no_first_token(one: Rig) -> None:
    one.engine.handler = held = Held()
    asked = ask(one, "whole")
    await under_way(one, "whole", "working")
    held.go_on.set()
    await asked
    row = await ended(one, "whole")
    assert "ttft_seconds" not in row
    assert row["cached_tokens"] == 2


@pytest.mark.parametrize("stream", [True, False])
async def test_a_request_without_an_answer_can_be_cancelled(one: Rig, stream: bool) -> None:
    one.engine.handler = Held()
    name = f"cancel-{stream}"
    asked = ask(one, name, stream=stream)
    row = await under_way(one, name, "prefill", "working")
    one.control.orders = {"cancel": [row["number"]]}
    answer = await asyncio.wait_for(asked, 10)
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "request_cancelled"
    assert answer.headers["x-should-retry"] == "false"
    await asyncio.wait_for(one.engine.exchanges[-1].gone.wait(), 10)
    row = await ended(one, name)
    assert (row["state"], row["status_class"]) == ("cancelled", "cancelled")


async def test_a_stream_that_has_begun_is_cancelled_with_an_event(one: Rig) -> None:
    one.engine.handler = Held(chunks_first=2)
    asked = ask(one, "midway", stream=True)
    row = await under_way(one, "midway", "decode")
    loop = asyncio.get_running_loop()
    began = loop.time()
    one.control.orders = {"cancel": [row["number"]]}
    answer = await asyncio.wait_for(asked, 10)
    await asyncio.wait_for(one.engine.exchanges[-1].gone.wait(), 10)
    assert loop.time() - began < 1 * slowness()
    events = [event for event in answer.text.split("\n\n") if event]
    assert json.loads(events[-1].removeprefix("data: "))["error"]["code"] == "request_cancelled"
    assert "word1" in events[-2]
    record = (await ended(one, "midway"))["completion_tokens"]
    assert record == 2


async def test_a_client_that_left_is_told_as_such(one: Rig) -> None:
    one.engine.handler = Held(chunks_first=1)
    asked = ask(one, "left", stream=True)
    await under_way(one, "left", "decode")
    asked.cancel()
    row = await ended(one, "left")
    assert (row["state"], row["status_class"]) == ("client_left", "client_left")


async def test_the_sums_are_by_deployment_and_never_by_what_clients_send(one: Rig) -> None:
    def counted(told: Json) -> dict[str, Json]:
        return {sums["deployment"]: sums for sums in told["sums"]}

    before = counted(await one.control.wait_until_told(lambda told: True))
    await one.gateway.chat(stream=True)
    for name in ("made-up-1", "made-up-2"):
        assert (await one.gateway.chat(model=name)).status_code == 404
    await one.gateway.client.post("/v1/chat/completions", json={"model": "demo"})

    def holds(told: Json) -> bool:
        sums = counted(told)
        was = before.get("unknown", {"answered": {"4xx": 0}})
        return sums["unknown"]["answered"]["4xx"] == was["answered"]["4xx"] + 3

    after = counted(await one.control.wait_until_told(holds))
    assert set(after) == {"demo", "unknown"}
    was, now = before["demo"], after["demo"]
    assert now["answered"]["2xx"] == was["answered"]["2xx"] + 1
    assert now["tokens_in"]["user"] == was["tokens_in"]["user"] + 7
    assert now["tokens_out"]["user"] == was["tokens_out"]["user"] + 3
    assert sum(now["ttft"]["counts"]) == sum(was["ttft"]["counts"]) + 1
    assert sum(now["seconds"]["counts"]) == sum(was["seconds"]["counts"]) + 1


async def test_a_model_that_is_not_ready_is_counted_as_its_own(one: Rig) -> None:
    await one.publish(phase="loading", endpoints=[])
    answer = await ask(one, "too-early")
    assert answer.status_code == 503
    row = await ended(one, "too-early")
    assert (row["deployment"], row["state"], row["status"]) == ("demo", "refused", 503)


async def test_each_request_that_ended_has_one_line_in_the_log(one: Rig) -> None:
    await ask(one, "logged", stream=True)
    await ended(one, "logged")
    await one.gateway.when(lambda: '"logged"' in one.gateway.log)
    lines = [json.loads(line) for line in one.gateway.log.splitlines()]
    [line] = [line for line in lines if line.get("request_id") == "logged"]
    assert line["message"] == "request ended"
    assert (line["deployment"], line["replica"], line["status"]) == ("demo", "replica-0", 200)
    assert (line["outcome"], line["key"], line["completion_tokens"]) == ("done", "key_1", 3)
    assert line["ttft_seconds"] is not None


async def test_bodies_are_captured_only_when_asked_for_and_without_secrets(one: Rig) -> None:
    await ask(one, "private", user="ada")
    assert "bodies" not in await ended(one, "private")
    one.control.orders = {"capture": {"demo": 1}}
    for _ in range(2):  # the second call comes after the answer to the first was obeyed
        await one.control.wait_until_told(lambda told: True)
    secret = "hf_" + "a" * 30
    await ask(one, "open", stream=True, user=secret)
    await ask(one, "too-many")
    bodies = (await ended(one, "open"))["bodies"]
    assert secret not in bodies["request"]
    assert '"user":"hf_…"' in bodies["request"].replace('": "', '":"')
    assert "from" in bodies["response"]
    assert bodies["response"].rstrip().endswith("data: [DONE]")
    assert "bodies" not in await ended(one, "too-many")


async def test_what_is_refused_for_good_silences_no_worker(one: Rig) -> None:
    one.control.told_status = 422
    await ask(one, "refused")
    await ended(one, "refused")
    one.control.told_status = 200
    await ask(one, "taken")
    await ended(one, "taken")
    told = [row["id"] for each in one.control.told for row in each["ended"]]
    assert told.count("refused") == 1


async def test_what_could_not_be_told_is_told_later(one: Rig) -> None:
    await one.control.kill()
    await ask(one, "unheard")
    await one.control.listen()
    assert (await ended(one, "unheard"))["state"] == "done"
