"""The fake engine speaks as vLLM does, and does what it is told."""

import asyncio
import json
from typing import Any

import pytest

from support.engines import supervised, until
from vllm_manager_engine.fake.behaviour import read
from vllm_manager_engine.http_client import Answer, HttpError, request
from vllm_manager_engine.supervisor import Supervisor

pytestmark = pytest.mark.integration

USER = [{"role": "user", "content": "One two three"}]


async def post(supervisor: Supervisor, path: str, body: dict[str, Any], **more: Any) -> Answer:
    assert supervisor.engine is not None
    return await request(
        "POST",
        supervisor.engine.endpoint + path,
        headers=more.get("headers", {"x-engine-secret": supervisor.identity.secret}),
        body={"model": "demo"} | body,
        timeout_seconds=20,
    )


def events(answer: Answer) -> list[dict[str, Any]]:
    data = [line[6:] for line in answer.body.decode().splitlines() if line.startswith("data: ")]
    return [json.loads(text) for text in data if text != "[DONE]"]


async def test_a_chat_answer_has_openai_s_shape() -> None:
    async with supervised() as supervisor:
        await supervisor.start()
        answer = (
            await post(supervisor, "/v1/chat/completions", {"messages": USER, "max_tokens": 3})
        ).json()
        assert answer["choices"][0]["message"] == {
            "role": "assistant",
            "content": "The quick brown",
        }
        assert answer["usage"] == {"prompt_tokens": 3, "total_tokens": 6, "completion_tokens": 3}


@pytest.mark.parametrize("rate", [0, 200])
async def test_a_stream_says_the_same_as_the_whole(rate: int) -> None:
    async with supervised(fake={"tokens_per_second": rate}) as supervisor:
        await supervisor.start()
        body = {"messages": USER, "max_tokens": 5}
        whole = (await post(supervisor, "/v1/chat/completions", body)).json()
        asked = body | {"stream": True, "stream_options": {"include_usage": True}}
        answer = await post(supervisor, "/v1/chat/completions", asked)
        chunks = events(answer)
        said = "".join(
            choice["delta"].get("content", "") for c in chunks for choice in c["choices"]
        )
        assert said == whole["choices"][0]["message"]["content"]
        assert chunks[-1]["usage"] == whole["usage"]
        assert answer.body.endswith(b"data: [DONE]\n\n")


async def test_usage_is_on_every_chunk_when_asked_for() -> None:
    async with supervised() as supervisor:
        await supervisor.start()
        options = {"include_usage": True, "continuous_usage_stats": True}
        body = {"prompt": "a b", "stream": True, "max_tokens": 3, "stream_options": options}
        chunks = events(await post(supervisor, "/v1/completions", body))
        assert [c["usage"]["completion_tokens"] for c in chunks] == [1, 2, 3, 3]


@pytest.mark.parametrize(
    ("path", "body", "member"),
    [
        ("/v1/embeddings", {"input": ["a", "b"]}, "data"),
        ("/v1/rerank", {"query": "q", "documents": ["a", "b"]}, "results"),
        ("/v1/score", {"text_1": "a", "text_2": ["b", "c"]}, "data"),
        ("/v1/responses", {"input": "a"}, "output"),
        ("/v1/messages", {"messages": USER, "max_tokens": 2}, "content"),
        ("/tokenize", {"prompt": "a b c"}, "tokens"),
    ],
)
async def test_every_route_in_use_answers(path: str, body: dict[str, Any], member: str) -> None:
    async with supervised() as supervisor:
        await supervisor.start()
        answer = await post(supervisor, path, body)
        assert answer.status == 200
        assert answer.json()[member]


async def test_without_the_secret_it_answers_nothing() -> None:
    async with supervised() as supervisor:
        await supervisor.start()
        answer = await post(supervisor, "/v1/completions", {"prompt": "a"}, headers={})
        assert answer.status == 401


async def test_another_model_s_name_is_not_found() -> None:
    async with supervised() as supervisor:
        await supervisor.start()
        answer = await post(supervisor, "/v1/completions", {"model": "other", "prompt": "a"})
        assert answer.status == 404
        assert "`other` does not exist" in answer.json()["error"]["message"]


async def test_a_client_that_leaves_aborts_its_request() -> None:
    async with supervised(fake={"tokens_per_second": 1}) as supervisor:
        await supervisor.start()
        asking = asyncio.create_task(
            post(supervisor, "/v1/completions", {"prompt": "a", "stream": True})
        )
        await until(lambda: (supervisor.figures or {}).get("requests_running") == 1)
        asking.cancel()
        await until(lambda: (supervisor.figures or {}).get("requests_running") == 0)
        assert supervisor.engine is not None
        text = await supervisor.engine.metrics(5)
        assert text is not None
        assert 'fake:requests_aborted_total{engine="0",model_name="demo"} 1.0' in text


async def test_it_ends_after_as_many_requests_as_it_is_told() -> None:
    async with supervised(fake={"crash_after_requests": 1, "exit_code": 5}) as supervisor:
        await supervisor.start()  # its first request is the proof
        await until(lambda: supervisor.failure is not None and supervisor.failure.exit_code == 5)


async def test_it_hangs_after_as_many_requests_as_it_is_told() -> None:
    async with supervised(fake={"hang_after_requests": 1}) as supervisor:
        await supervisor.start()
        assert (await until(lambda: supervisor.failure)).code == "engine_hung"


async def test_one_that_answers_nothing_is_never_up() -> None:
    async with supervised(fake={"hang": "all"}, start_deadline_seconds=2) as supervisor:
        starting = asyncio.create_task(supervisor.start())
        await until(lambda: "INFO:     Application startup complete." in texts(supervisor))
        assert supervisor.engine is not None
        with pytest.raises(HttpError):
            await request("GET", supervisor.engine.endpoint, timeout_seconds=0.2)
        await asyncio.wait([starting])
        assert starting.exception() is not None


def texts(supervisor: Supervisor) -> list[str]:
    return supervisor.ring.last_texts(5000, 1)


def test_an_unknown_instruction_is_refused() -> None:
    with pytest.raises(ValueError, match="FAKE_SPEED"):
        read({"FAKE_SPEED": "9"})


def test_instructions_are_converted() -> None:
    told = read({"FAKE_OUT_OF_MEMORY": "1", "FAKE_TOKENS": "7", "FAKE_LOADING_SECONDS": "0.5"})
    assert (told.out_of_memory, told.tokens, told.loading_seconds) == (True, 7, 0.5)
