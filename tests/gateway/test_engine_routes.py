"""`/v1` through a real gateway: what engines see, what callers get, what is written down."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from support.control_plane import KEY, snapshot
from support.gateway import AUTHORIZATION, Rig, chat_request
from support.http_server import Exchange
from support.upstream import USAGE, Held, chunk, completion, sse

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.integration]


async def test_a_completion_is_passed_on_byte_for_byte(one: Rig) -> None:
    response = await one.gateway.chat()
    assert response.status_code == 200
    assert response.content == json.dumps(completion()).encode()
    assert response.headers["x-request-id"].startswith("req_")


async def test_the_engine_gets_the_body_untouched_and_its_secret(one: Rig) -> None:
    body = b'{ "model":"demo",  "messages": [], "x": 1.50 }'
    headers = {**AUTHORIZATION, "content-type": "application/json", "cookie": "a=b"}
    await one.gateway.client.post("/v1/chat/completions", content=body, headers=headers)
    seen = one.engine.exchanges[0]
    assert seen.body == body
    assert seen.headers["x-engine-secret"] == "engine-secret"
    assert not {"authorization", "cookie"} & set(seen.headers)


@pytest.mark.parametrize(
    ("path", "engine_path"),
    [
        ("chat/completions", "/v1/chat/completions"),
        ("completions", "/v1/completions"),
        ("embeddings", "/v1/embeddings"),
        ("rerank", "/v1/rerank"),
        ("score", "/v1/score"),
        ("responses", "/v1/responses"),
        ("messages", "/v1/messages"),
        ("messages/count_tokens", "/v1/messages/count_tokens"),
        ("tokenize", "/tokenize"),
        ("detokenize", "/detokenize"),
    ],
)
async def test_each_route_reaches_the_engine(one: Rig, path: str, engine_path: str) -> None:
    response = await one.gateway.client.post(
        f"/v1/{path}", json={"model": "demo"}, headers=AUTHORIZATION
    )
    assert response.status_code == 200
    assert one.engine.exchanges[0].path == engine_path


async def test_a_stream_arrives_piece_by_piece_without_the_usage_nobody_asked_for(
    one: Rig,
) -> None:
    response = await one.gateway.chat(stream=True)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert "usage" not in response.text
    assert response.text.endswith("data: [DONE]\n\n")
    assert one.engine.exchanges[0].json["stream_options"] == {"include_usage": True}


async def test_a_client_that_asks_for_usage_gets_it(one: Rig) -> None:
    response = await one.gateway.chat(stream=True, stream_options={"include_usage": True})
    assert sse(chunk(None, usage=USAGE)).decode() in response.text


async def test_a_token_is_delivered_when_it_comes(one: Rig) -> None:
    one.engine.handler = held = Held(chunks_first=1)
    request = {"model": "demo", "stream": True}
    async with one.gateway.client.stream(
        "POST", "/v1/chat/completions", json=request, headers=AUTHORIZATION
    ) as response:
        stream = response.aiter_bytes()
        assert b"word0" in await anext(stream)
        assert not held.go_on.is_set()
        held.go_on.set()
        assert b"[DONE]" in b"".join([piece async for piece in stream])


async def test_usage_is_reported_once_per_request(fresh: Rig) -> None:
    await fresh.gateway.chat()
    await fresh.gateway.chat(stream=True)
    whole, streamed = await fresh.control.wait_for_records(2)
    assert (whole["prompt_tokens"], whole["completion_tokens"], whole["cached_tokens"]) == (7, 3, 2)
    assert (streamed["prompt_tokens"], streamed["completion_tokens"]) == (7, 3)
    assert streamed["cached_tokens"] is None
    assert (whole["stream"], streamed["stream"]) == (False, True)
    assert {record["key"] for record in (whole, streamed)} == {"key_1"}
    assert {record["outcome"] for record in (whole, streamed)} == {"ok"}
    assert 0 < streamed["first_token_seconds"] <= streamed["seconds"]


async def test_an_error_of_the_engine_is_passed_on(fresh: Rig) -> None:
    async def refuse(exchange: Exchange) -> None:
        exchange.reply_json({"error": {"message": "max_tokens is too large"}}, 400)

    fresh.engine.handler = refuse
    response = await fresh.gateway.chat(max_tokens=10**9)
    assert response.status_code == 400
    assert response.json()["error"]["message"] == "max_tokens is too large"
    (record,) = await fresh.control.wait_for_records(1)
    assert (record["status"], record["outcome"]) == (400, "refused")


async def test_a_browser_s_session_may_chat_with_its_csrf_token(fresh: Rig) -> None:
    headers = {"cookie": "vllm_manager_session=cookie-value", "x-csrf-token": "csrf-token"}
    response = await fresh.gateway.client.post(
        "/v1/chat/completions", json={"model": "demo"}, headers=headers
    )
    assert response.status_code == 200
    (record,) = await fresh.control.wait_for_records(1)
    assert (record["user"], record["key"]) == ("usr_2", None)


async def test_anthropic_s_key_header_and_error_shape_are_known(one: Rig) -> None:
    client = one.gateway.client
    good = await client.post("/v1/messages", json={"model": "demo"}, headers={"x-api-key": KEY})
    bad = await client.post("/v1/messages", json={"model": "demo"}, headers={"x-api-key": "x"})
    assert good.status_code == 200
    assert (bad.status_code, bad.json()["type"]) == (401, "error")
    assert bad.json()["error"]["type"] == "authentication_error"


async def test_without_a_key_nothing_is_said(one: Rig) -> None:
    for method, path in (("POST", "/v1/chat/completions"), ("GET", "/v1/models"), ("GET", "/v1/x")):
        response = await one.gateway.client.request(method, path, json={"model": "demo"})
        assert response.status_code == 401
        assert response.json()["error"]["code"] == "invalid_api_key"
        assert "demo" not in response.text
    assert one.engine.exchanges == []


async def test_an_unknown_model_is_answered_with_the_known_ones(one: Rig) -> None:
    response = await one.gateway.chat(model="gpt-5")
    assert response.status_code == 404
    assert "demo" in response.json()["error"]["message"]
    assert response.json()["error"]["code"] == "model_not_found"


async def test_a_key_sees_no_model_that_it_may_not_use(one: Rig) -> None:
    content = snapshot({"demo": one.entry(), "secret-model": one.entry()})
    for key in content["keys"].values():
        key["models"] = ["demo"]
    await one.gateway.publish(one.control, content)
    refused = await one.gateway.chat(model="secret-model")
    listed = await one.gateway.client.get("/v1/models", headers=AUTHORIZATION)
    assert refused.status_code == 404
    assert "Known: demo." in refused.json()["error"]["message"]
    assert [entry["id"] for entry in listed.json()["data"]] == ["demo"]


async def test_a_model_that_is_starting_says_so_and_when_to_come_back(one: Rig) -> None:
    await one.publish(phase="loading", reason="Loading weights, 50 %", endpoints=[])
    response = await one.gateway.chat()
    assert response.status_code == 503
    assert response.headers["retry-after"] == "5"
    assert "loading (Loading weights, 50 %)" in response.json()["error"]["message"]
    assert "x-should-retry" not in response.headers


@pytest.mark.parametrize("phase", ["stopped", "failed"])
async def test_a_model_at_rest_tells_clients_not_to_retry(one: Rig, phase: str) -> None:
    await one.publish(phase=phase, reason="out of memory", endpoints=[])
    response = await one.gateway.chat()
    assert response.status_code == 503
    assert "retry-after" in response.headers
    assert response.headers["x-should-retry"] == "false"
    assert f"{phase} (out of memory)" in response.json()["error"]["message"]


async def test_models_are_listed_and_described(one: Rig) -> None:
    listed = (await one.gateway.client.get("/v1/models", headers=AUTHORIZATION)).json()
    described = (await one.gateway.client.get("/v1/models/demo", headers=AUTHORIZATION)).json()
    unknown = await one.gateway.client.get("/v1/models/other", headers=AUTHORIZATION)
    assert listed == {"object": "list", "data": [described]}
    assert described["id"] == "demo"
    assert unknown.status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/chat/completions"), ("DELETE", "/v1/models"), ("POST", "/v1/models/demo")],
)
async def test_a_wrong_method_is_named(one: Rig, method: str, path: str) -> None:
    response = await one.gateway.client.request(method, path, headers=AUTHORIZATION)
    assert response.status_code == 405


async def test_more_than_a_deployment_allows_at_once_is_answered_429(one: Rig) -> None:
    await one.publish(max_concurrent_requests=1)
    one.engine.handler = held = Held()
    first = asyncio.create_task(one.gateway.chat())
    await held.waiting.wait()
    refused = await one.gateway.chat()
    held.go_on.set()
    assert (await first).status_code == 200
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "1"
    assert (await one.gateway.chat()).status_code == 200


async def test_requests_spread_over_the_replicas(two: Rig) -> None:
    held = [Held(), Held()]
    for engine, handler in zip(two.engines, held, strict=True):
        engine.handler = handler
    calls = [asyncio.create_task(two.gateway.chat()) for _ in range(2)]
    for handler in held:
        await asyncio.wait_for(handler.waiting.wait(), 30)
        handler.go_on.set()
    assert [response.status_code for response in await asyncio.gather(*calls)] == [200, 200]


async def test_a_replica_that_refuses_connections_costs_no_request(two: Rig) -> None:
    await two.engines[0].kill()
    responses = await asyncio.gather(*(two.gateway.chat() for _ in range(20)))
    assert {response.status_code for response in responses} == {200}


async def test_a_replica_that_answers_503_is_passed_over(two: Rig) -> None:
    async def unavailable(exchange: Exchange) -> None:
        exchange.reply_json({"error": {"message": "not now"}}, 503)

    two.engines[0].handler = unavailable
    responses = [await two.gateway.chat() for _ in range(6)]
    assert {response.status_code for response in responses} == {200}


async def test_without_another_replica_the_engine_s_503_is_passed_on(one: Rig) -> None:
    async def unavailable(exchange: Exchange) -> None:
        exchange.reply_json({"error": {"message": "not now"}}, 503)

    one.engine.handler = unavailable
    assert (await one.gateway.chat()).json()["error"]["message"] == "not now"


async def test_a_replica_that_hangs_up_before_its_answer_is_replaced_by_another(two: Rig) -> None:
    async def hang_up(exchange: Exchange) -> None:
        exchange.hang_up()

    two.engines[0].handler = hang_up
    responses = [await two.gateway.chat() for _ in range(6)]
    assert {response.status_code for response in responses} == {200}


async def test_an_answer_that_has_begun_is_never_asked_for_again(fresh: Rig) -> None:
    async def half(exchange: Exchange) -> None:
        exchange.start(content_type="text/event-stream")
        await exchange.chunk(sse(chunk("half")))
        exchange.hang_up()

    for engine in fresh.engines:
        engine.handler = half
    response = await fresh.gateway.chat(stream=True)
    assert sum(len(engine.exchanges) for engine in fresh.engines) == 1
    assert "half" in response.text
    last = response.text.strip().split("\n\n")[-1]
    assert json.loads(last.removeprefix("data: "))["error"]["code"] == "engine_failed"
    (record,) = await fresh.control.wait_for_records(1)
    assert record["outcome"] == "upstream_failed"


async def test_a_broken_json_answer_is_cut_off_so_that_nobody_takes_it_for_whole(one: Rig) -> None:
    async def half(exchange: Exchange) -> None:
        exchange.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
        await asyncio.sleep(0)
        exchange.hang_up()

    one.engine.handler = half
    answer_ = await one.raw(chat_request({"model": "demo"}))
    assert not answer_.endswith(b"\r\n\r\n" + b"x" * 100)
    assert len(answer_.partition(b"\r\n\r\n")[2]) < 100


async def test_an_engine_that_speaks_no_http_is_answered_for(one: Rig) -> None:
    async def babble(exchange: Exchange) -> None:
        exchange.write(b"SSH-2.0-OpenSSH_9.6\r\n")

    one.engine.handler = babble
    response = await one.gateway.chat()
    assert response.status_code == 502
    assert response.json()["error"]["code"] == "engine_failed"


async def test_when_no_replica_can_be_reached_the_answer_says_so(one: Rig) -> None:
    await one.engine.kill()
    response = await one.gateway.chat()
    assert response.status_code == 503
    assert response.headers["retry-after"] == "2"
    assert "No replica of “demo” could be reached" in response.json()["error"]["message"]


async def test_a_chunked_request_body_is_taken(one: Rig) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b'{"model": "demo", '
        yield b'"messages": []}'

    response = await one.gateway.client.post(
        "/v1/chat/completions",
        content=pieces(),
        headers={**AUTHORIZATION, "content-type": "application/json"},
    )
    assert response.status_code == 200
    assert one.engine.exchanges[0].json == {"model": "demo", "messages": []}


async def test_a_request_id_of_the_client_is_kept(one: Rig) -> None:
    headers = {**AUTHORIZATION, "x-request-id": "trace-1"}
    response = await one.gateway.client.post(
        "/v1/chat/completions", json={"model": "demo"}, headers=headers
    )
    assert response.headers["x-request-id"] == "trace-1"


async def test_connections_to_the_engine_are_used_again(one: Rig) -> None:
    for _ in range(5):
        await one.gateway.chat()
    assert len(one.engine.connections) == 1


async def test_a_slow_reader_slows_the_engine_down(one: Rig) -> None:
    sent = 0

    async def flood(exchange: Exchange) -> None:
        nonlocal sent
        exchange.start(content_type="text/event-stream")
        while not exchange.gone.is_set() and sent < 200:
            await exchange.chunk(sse(chunk("x" * 1_000_000)))
            sent += 1
        exchange.end()

    one.engine.handler = flood
    _, writer = await asyncio.open_connection("127.0.0.1", one.gateway.config.port, limit=1024)
    writer.write(chat_request({"model": "demo", "stream": True}))
    await one.gateway.when(lambda: sent > 0)
    before = -1
    while before != sent:
        before = sent
        await asyncio.wait([asyncio.create_task(asyncio.sleep(0.5))])
    assert 0 < sent < 50
    writer.transport.abort()


async def test_answers_of_many_sizes_are_whole(one: Rig) -> None:
    async def sized(exchange: Exchange) -> None:
        size = exchange.json["size"]
        exchange.reply(200, b"x" * size, content_type="application/json")

    one.engine.handler = sized
    for size in (0, 1, 65_535, 65_536, 1_000_000):
        response = await one.gateway.chat(size=size)
        assert response.content == b"x" * size


async def test_the_engine_s_own_headers_stay_inside(one: Rig) -> None:
    async def chatty(exchange: Exchange) -> None:
        exchange.reply(200, b"{}", server="uvicorn", set_cookie="a=b", x_engine_secret="s")

    one.engine.handler = chatty
    response = await one.gateway.chat()
    assert not {"server", "set-cookie", "x-engine-secret"} & set(response.headers)


async def test_metrics_need_a_key_and_show_what_is_in_flight(one: Rig) -> None:
    one.engine.handler = held = Held()
    call = asyncio.create_task(one.gateway.chat())
    await held.waiting.wait()
    client = one.gateway.client
    assert (await client.get("/gateway/metrics")).status_code == 401
    metrics = (await client.get("/gateway/metrics", headers=AUTHORIZATION)).text
    assert 'vllm_manager_gateway_in_flight{model="demo"} 1' in metrics
    held.go_on.set()
    await call


async def test_metrics_are_of_the_models_that_a_key_may_use(one: Rig) -> None:
    async def told_to(models: list[str]) -> str:
        content = snapshot({"demo": one.entry(), "other": one.entry()})
        for key in content["keys"].values():
            key["models"] = models
        await one.gateway.publish(one.control, content)
        return (await one.gateway.client.get("/gateway/metrics", headers=AUTHORIZATION)).text

    restricted = await told_to(["demo"])
    assert 'in_flight{model="demo"}' in restricted
    assert "other" not in restricted
    of_a_viewer = await told_to([])
    assert 'in_flight{model="other"}' in of_a_viewer


async def test_a_model_name_in_any_script_is_only_a_name(one: Rig) -> None:
    for name in ("<script>alert(1)</script>", "../etc/passwd", "a\r\nb", "дemo", "x" * 5000):
        response = await one.gateway.chat(model=name)
        assert response.status_code == 404
        assert response.headers["content-type"] == "application/json"
        assert len(response.content) < 1000
