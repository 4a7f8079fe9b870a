"""Limits through a real gateway: what callers are told, over several workers and after a kill."""

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import Any

import openai
import pytest

from support.control_plane import KEY, snapshot
from support.gateway import AUTHORIZATION, Rig, chat_request, rig
from support.http_server import Exchange
from support.upstream import Held, chunk, sse

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.integration]


async def limit(
    made: Rig, subject: str = "key:key_1", max_model_len: int | None = None, **figures: int
) -> None:
    """Publish “demo” with limits for one subject."""
    entry = made.entry(max_model_len=max_model_len)
    content = snapshot({"demo": entry}, limits={subject: figures})
    version = await made.control.publish(content)
    in_a_row = 0

    def is_in_force(health: dict[str, Any]) -> bool:
        """Every worker answers sooner or later; one that lags behind begins the count anew."""
        nonlocal in_a_row
        in_a_row = in_a_row + 1 if health["snapshot_version"] == version else 0
        return in_a_row >= (1 if made.gateway.config.workers == 1 else 30)

    await made.gateway.wait_until(is_in_force)


async def test_a_caller_is_told_what_is_left_and_then_which_limit_of_whom(one: Rig) -> None:
    await limit(one, requests_per_minute=2)
    first, second, third = [await one.gateway.chat() for _ in range(3)]
    assert (first.status_code, second.status_code, third.status_code) == (200, 200, 429)
    assert first.headers["x-ratelimit-limit-requests"] == "2"
    assert first.headers["x-ratelimit-remaining-requests"] == "1"
    assert third.headers["x-ratelimit-remaining-requests"] == "0"
    assert 1 <= int(third.headers["retry-after"]) <= 30
    error = third.json()["error"]
    assert (error["code"], error["type"]) == ("rate_limit_exceeded", "rate_limit_error")
    assert "key “test” may use 2 requests a minute" in error["message"]


async def test_callers_without_limits_are_told_nothing(one: Rig) -> None:
    answer = await one.gateway.chat()
    assert not [name for name in answer.headers if name.startswith("x-ratelimit")]


async def test_the_real_use_counts_and_not_the_reservation(one: Rig) -> None:
    await limit(one, "user:usr_1", tokens_per_minute=2000)
    for expected in (1990, 1980, 1970):
        assert (await one.gateway.chat(max_tokens=1500)).status_code == 200
        told = await one.gateway.chat(max_tokens=5000)
        left = int(told.headers["x-ratelimit-remaining-tokens"])
        assert told.status_code == 429
        assert expected <= left <= expected + 40 * 33  # what has flowed back meanwhile


async def test_many_requests_without_a_maximum_pass_a_quota_by_one_of_them(fresh: Rig) -> None:
    await limit(fresh, tokens_per_month=10_000, max_model_len=20_000)
    fresh.engine.handler = held = Held()
    first = asyncio.create_task(fresh.gateway.chat())
    await asyncio.wait_for(held.waiting.wait(), 30)
    others = await asyncio.gather(*(fresh.gateway.chat() for _ in range(5)))
    assert {answer.status_code for answer in others} == {429}
    assert {answer.json()["error"]["code"] for answer in others} == {"insufficient_quota"}
    held.go_on.set()
    assert (await first).status_code == 200
    assert (await fresh.gateway.chat()).status_code == 200, "what was not written came back"


async def test_a_stream_is_settled_with_the_usage_at_its_end(one: Rig) -> None:
    await limit(one, "model:demo", tokens_per_day=10)
    assert (await one.gateway.chat(stream=True, max_tokens=5)).status_code == 200
    refused = await one.gateway.chat()
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "insufficient_quota")
    assert "the model “demo” may use 10 tokens a day" in refused.json()["error"]["message"]


async def test_what_was_generated_for_a_client_that_left_is_charged(one: Rig) -> None:
    async def words(exchange: Exchange) -> None:
        exchange.start(content_type="text/event-stream")
        for number in range(40):
            await exchange.chunk(sse(chunk(f"word{number}")))
        await exchange.gone.wait()

    await limit(one, "team:team_1", tokens_per_day=10**6)
    known = len(one.control.records)
    one.engine.handler = words
    reader, writer = await asyncio.open_connection("127.0.0.1", one.gateway.config.port)
    writer.write(chat_request({"model": "demo", "stream": True, "max_tokens": 500}))
    await reader.readuntil(b"word39")
    writer.transport.abort()
    left: list[dict[str, Any]] = []
    while not left:  # what was asked before may be told of only now
        records = await one.control.wait_for_records(known + 1)
        left = [record for record in records[known:] if record["outcome"] == "client_left"]
        known = len(records)
    assert left[-1]["completion_tokens"] == 40
    assert left[-1]["prompt_tokens"] > 0


async def test_leaving_in_the_middle_of_an_anthropic_stream_is_not_free(one: Rig) -> None:
    async def words(exchange: Exchange) -> None:
        exchange.start(content_type="text/event-stream")
        usage = {"input_tokens": 11, "output_tokens": 0}
        await exchange.chunk(sse({"type": "message_start", "message": {"usage": usage}}))
        for number in range(40):
            delta = {"type": "content_block_delta", "delta": {"text": f"word{number}"}}
            await exchange.chunk(sse(delta))
        await exchange.gone.wait()

    await limit(one, "team:team_1", tokens_per_day=10**6)
    one.engine.handler = words
    known = len(one.control.records)
    reader, writer = await asyncio.open_connection("127.0.0.1", one.gateway.config.port)
    request = chat_request({"model": "demo", "stream": True, "max_tokens": 500, "messages": []})
    writer.write(request.replace(b"/v1/chat/completions", b"/v1/messages"))
    await reader.readuntil(b"word39")
    writer.transport.abort()
    record = (await one.control.wait_for_records(known + 1))[-1]
    assert (record["prompt_tokens"], record["completion_tokens"]) == (11, 41)


@pytest.mark.parametrize("stream", [True, False])
async def test_leaving_before_the_first_token_is_not_free(one: Rig, *, stream: bool) -> None:
    one.engine.handler = held = Held()
    _, writer = await asyncio.open_connection("127.0.0.1", one.gateway.config.port)
    words = "word " * 400
    messages = [{"role": "user", "content": words}]
    writer.write(chat_request({"model": "demo", "stream": stream, "messages": messages}))
    await asyncio.wait_for(held.waiting.wait(), 30)
    known = len(one.control.records)
    writer.transport.abort()
    records = await one.control.wait_for_records(known + 1)
    assert (records[-1]["outcome"], records[-1]["completion_tokens"]) == ("client_left", 0)
    assert records[-1]["prompt_tokens"] >= len(words) // 4


async def test_one_request_more_than_may_be_under_way_is_refused(one: Rig) -> None:
    await limit(one, "installation", concurrent_requests=1)
    one.engine.handler = held = Held()
    first = asyncio.create_task(one.gateway.chat())
    await asyncio.wait_for(held.waiting.wait(), 30)
    refused = await one.gateway.chat()
    assert refused.status_code == 429
    assert "this installation may use 1 requests at once" in refused.json()["error"]["message"]
    held.go_on.set()
    assert (await first).status_code == 200


async def test_an_engine_that_fails_costs_no_tokens(one: Rig) -> None:
    async def broken(exchange: Exchange) -> None:
        exchange.reply_json({"error": {"message": "no"}}, 500)

    await limit(one, "key:key_1", tokens_per_day=1000)
    one.engine.handler = broken
    for _ in range(5):
        assert (await one.gateway.chat(max_tokens=900)).status_code == 500


async def test_the_official_client_understands_the_refusal(one: Rig) -> None:
    await limit(one, "user:usr_1", requests_per_minute=1)
    client = openai.AsyncOpenAI(base_url=f"{one.gateway.url}/v1", api_key=KEY, max_retries=0)
    messages: Any = [{"role": "user", "content": "hi"}]
    async with client:
        await client.chat.completions.create(model="demo", messages=messages)
        with pytest.raises(openai.RateLimitError) as caught:
            await client.chat.completions.create(model="demo", messages=messages)
    assert caught.value.code == "rate_limit_exceeded"
    assert int(caught.value.response.headers["retry-after"]) > 1


async def test_a_limit_is_one_for_all_workers(tmp_path: Path) -> None:
    async with rig(tmp_path, workers=2) as made:
        await limit(made, requests_per_minute=10)

        async def ask() -> int:
            body = {"model": "demo", "messages": [{"role": "user", "content": "hi"}]}
            path = "/v1/chat/completions"
            headers = {**AUTHORIZATION, "connection": "close"}
            return (await made.gateway.client.post(path, json=body, headers=headers)).status_code

        began = time.monotonic()
        statuses = await asyncio.gather(*(ask() for _ in range(60)))
        flowed_back = int((time.monotonic() - began) / 6)
        assert 10 <= statuses.count(200) <= 10 + flowed_back
        assert set(statuses) == {200, 429}


async def test_a_quota_that_is_used_up_stays_so_after_a_kill(fresh: Rig) -> None:
    await limit(fresh, tokens_per_month=10)
    assert (await fresh.gateway.chat()).status_code == 200
    assert (await fresh.gateway.chat()).status_code == 429
    for pid in (*fresh.gateway.worker_pids, fresh.gateway.pid):
        os.kill(pid, signal.SIGKILL)
    await fresh.gateway.stop()
    await fresh.gateway.start()
    refused = await fresh.gateway.chat()
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "insufficient_quota")
