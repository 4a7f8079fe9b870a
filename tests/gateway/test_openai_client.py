"""The official `openai` client against the gateway."""

from collections.abc import AsyncGenerator

import openai
import pytest
import pytest_asyncio
from openai.types.chat import ChatCompletionMessageParam

from support.control_plane import KEY
from support.gateway import Rig
from support.http_server import Exchange
from support.upstream import WORDS, Held, chunk, sse

pytestmark = pytest.mark.asyncio(loop_scope="module")
MESSAGES: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hi"}]


@pytest_asyncio.fixture(loop_scope="module")
async def client(one: Rig) -> AsyncGenerator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{one.gateway.url}/v1", api_key=KEY) as made:
        yield made


async def test_it_lists_the_models(client: openai.AsyncOpenAI) -> None:
    assert [model.id async for model in client.models.list()] == ["demo"]
    assert (await client.models.retrieve("demo")).owned_by == "vllm-manager"


async def test_it_gets_a_completion(client: openai.AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(model="demo", messages=MESSAGES)
    assert answer.choices[0].message.content == "".join(WORDS)
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 3


async def test_it_streams_and_sees_no_usage_that_it_did_not_ask_for(
    client: openai.AsyncOpenAI,
) -> None:
    stream = await client.chat.completions.create(model="demo", messages=MESSAGES, stream=True)
    chunks = [chunk async for chunk in stream]
    assert [each.choices[0].delta.content for each in chunks] == WORDS
    assert all(each.usage is None for each in chunks)


async def test_it_gets_usage_at_the_end_of_a_stream_when_it_asks(
    client: openai.AsyncOpenAI,
) -> None:
    stream = await client.chat.completions.create(
        model="demo", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.prompt_tokens == 7


async def test_a_wrong_key_is_an_authentication_error(one: Rig) -> None:
    async with openai.AsyncOpenAI(base_url=f"{one.gateway.url}/v1", api_key="wrong") as client:
        with pytest.raises(openai.AuthenticationError):
            await client.models.list()


async def test_an_unknown_model_is_not_found(client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="Known: demo"):
        await client.chat.completions.create(model="gpt-5", messages=MESSAGES)


async def test_it_does_not_retry_a_model_that_is_stopped(
    one: Rig, client: openai.AsyncOpenAI
) -> None:
    await one.publish(phase="stopped", endpoints=[])
    with pytest.raises(openai.InternalServerError, match="stopped"):
        await client.chat.completions.create(model="demo", messages=MESSAGES)


async def test_a_stream_that_breaks_raises_what_happened(
    one: Rig, client: openai.AsyncOpenAI
) -> None:
    async def half(exchange: Exchange) -> None:
        exchange.start(content_type="text/event-stream")
        await exchange.chunk(sse(chunk("half")))
        exchange.hang_up()

    one.engine.handler = half
    stream = await client.chat.completions.create(model="demo", messages=MESSAGES, stream=True)
    with pytest.raises(openai.APIError, match="broke off its answer"):
        [each async for each in stream]


async def test_closing_its_stream_aborts_the_engine_s_work(
    one: Rig, client: openai.AsyncOpenAI
) -> None:
    one.engine.handler = held = Held(chunks_first=1)
    stream = await client.chat.completions.create(model="demo", messages=MESSAGES, stream=True)
    await anext(stream)
    await stream.close()
    await one.gateway.when(one.engine.exchanges[0].gone.is_set)
    held.go_on.set()
