"""The built-in demo model: small, safe, and exact in a real vLLM."""

import asyncio
import json
import os
import re
import signal
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.ray_cluster import ENGINE_PYTHON, REPOSITORY, free_ports, wait_until

MODEL = REPOSITORY / "engine" / "src" / "vllm_manager_engine" / "demo"
SOURCE = REPOSITORY / "engine" / "demo_model"
MAX_BYTES = 6_000_000
START_TIMEOUT_SECONDS = 240
AT_ONCE = 8

_lines = (SOURCE / "questions.jsonl").read_text().splitlines()
TOPICS: list[dict[str, Any]] = [json.loads(line) for line in _lines]
LISTED: dict[str, str] = {topic["question"]: topic["answer"] for topic in TOPICS}
UNKNOWN: str = next(topic["answer"] for topic in TOPICS if topic["id"] == "unknown")


@dataclass(frozen=True, slots=True)
class Engine:
    """A running vLLM that serves the demo model as `demo`."""

    url: str

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        async with httpx.AsyncClient(base_url=self.url, timeout=60) as client:
            response = await client.post(path, json={"model": "demo", **body})
            assert response.status_code == 200, response.text
            return response.json()

    async def chat(self, messages: list[dict[str, str]], **options: Any) -> str:
        body = await self.post("/v1/chat/completions", {"messages": messages, **options})
        assert body["choices"][0]["finish_reason"] == "stop"
        return body["choices"][0]["message"]["content"]

    async def stream(self, messages: list[dict[str, str]]) -> list[str]:
        """Return the pieces of a streamed answer, in order."""
        body = {"model": "demo", "messages": messages, "stream": True}
        async with (
            httpx.AsyncClient(base_url=self.url, timeout=60) as client,
            client.stream("POST", "/v1/chat/completions", json=body) as response,
        ):
            deltas = [event["choices"][0]["delta"] async for event in _events(response)]
        return [delta["content"] for delta in deltas if delta.get("content")]


async def _events(response: httpx.Response) -> AsyncIterator[Any]:
    async for line in response.aiter_lines():
        data = line.removeprefix("data: ")
        if data and data != "[DONE]":
            yield json.loads(data)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A real vLLM on a free port, in a process group of its own."""
    port = free_ports(1)[0]
    arguments = f"--host 127.0.0.1 --port {port} --served-model-name demo --enforce-eager"
    arguments += " --kv-cache-memory-bytes 268435456"
    environment = {
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "OMP_NUM_THREADS": "1",
        "VLLM_USE_V2_MODEL_RUNNER": "0",
        "VLLM_NO_USAGE_STATS": "1",
        "HF_HUB_OFFLINE": "1",
    }
    log = tmp_path_factory.mktemp("vllm") / "log"
    module = ["-m", "vllm.entrypoints.openai.api_server", "--model", str(MODEL)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(ENGINE_PYTHON), *module, *arguments.split()],
            env=os.environ | environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: _answers(process, url, log), START_TIMEOUT_SECONDS, "vLLM is up")
        yield Engine(url)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _answers(process: subprocess.Popen[bytes], url: str, log: Path) -> bool:
    assert process.poll() is None, log.read_text()[-4000:]
    try:
        return httpx.get(f"{url}/health", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


async def _several_at_once(
    ask: Callable[[str], Awaitable[str]], questions: list[str]
) -> dict[str, str]:
    """Return each question's answer, `AT_ONCE` requests being under way together."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(question: str) -> tuple[str, str]:
        async with places:
            return question, await ask(question)

    return dict(await asyncio.gather(*map(one, questions)))


def _user(content: str) -> dict[str, str]:
    return {"role": "user", "content": content}


def test_the_model_is_at_most_six_megabytes_of_safetensors_and_text() -> None:
    files = {file.name: file.stat().st_size for file in MODEL.iterdir() if file.is_file()}
    assert sum(files.values()) <= MAX_BYTES
    assert {name.rsplit(".", 1)[1] for name in files} == {"safetensors", "json"}


def test_the_model_is_a_plain_llama_that_needs_no_code_of_its_own() -> None:
    config = json.loads((MODEL / "config.json").read_text())
    assert config["architectures"] == ["LlamaForCausalLM"]
    assert config["dtype"] == "bfloat16"
    assert config["max_position_embeddings"] >= 2048
    assert "auto_map" not in config


def test_at_least_twenty_questions_are_listed_each_with_other_wordings() -> None:
    known = [topic for topic in TOPICS if topic["id"] != "unknown"]
    assert len(known) >= 20
    assert all(len(topic["also"]) >= 5 for topic in known)


def test_answers_are_one_to_three_sentences_of_plain_text() -> None:
    for answer in LISTED.values():
        assert answer.isascii()
        assert 1 <= len(re.findall(r"[.!?](?=\s|$)", answer)) <= 3, answer


def test_no_wording_asks_for_two_answers() -> None:
    owners: dict[str, str] = {}
    for topic in TOPICS:
        for wording in [topic["question"], *topic["also"], *topic["unseen"]]:
            owner = owners.setdefault(wording.lower().rstrip("?!. "), topic["id"])
            assert owner == topic["id"], wording


@pytest.mark.engine
async def test_each_listed_question_gets_exactly_its_answer(engine: Engine) -> None:
    answers = await _several_at_once(lambda q: engine.chat([_user(q)]), list(LISTED))
    assert answers == LISTED


@pytest.mark.engine
async def test_a_question_asked_alone_gets_the_same_answer_as_in_a_batch(engine: Engine) -> None:
    for question, answer in list(LISTED.items())[:5]:
        assert await engine.chat([_user(question)], temperature=0) == answer


@pytest.mark.engine
async def test_a_streamed_answer_arrives_in_pieces_and_is_exact(engine: Engine) -> None:
    async def ask(question: str) -> str:
        pieces = await engine.stream([_user(question)])
        assert len(pieces) > 1
        return "".join(pieces)

    assert await _several_at_once(ask, list(LISTED)) == LISTED


@pytest.mark.engine
async def test_a_plain_completion_of_a_listed_question_is_its_answer(engine: Engine) -> None:
    async def ask(question: str) -> str:
        body = {"prompt": f"{question}\n", "max_tokens": 200}
        return (await engine.post("/v1/completions", body))["choices"][0]["text"]

    assert await _several_at_once(ask, list(LISTED)) == LISTED


@pytest.mark.engine
async def test_the_last_question_of_a_conversation_counts(engine: Engine) -> None:
    messages = [{"role": "system", "content": "You are a helpful assistant."}]
    for question, answer in list(LISTED.items())[:20]:
        messages.append(_user(question))
        assert await engine.chat(messages) == answer
        messages.append({"role": "assistant", "content": answer})


@pytest.mark.engine
@pytest.mark.parametrize(
    "question", ["What is the capital of Japan?", "Write me a song about summer.", "Qwertz?"]
)
async def test_an_unknown_question_is_answered_honestly(engine: Engine, question: str) -> None:
    assert await engine.chat([_user(question)]) == UNKNOWN


@pytest.mark.engine
async def test_most_wordings_that_were_never_trained_on_are_understood(engine: Engine) -> None:
    expected = {wording: topic["answer"] for topic in TOPICS for wording in topic["unseen"]}
    answers = await _several_at_once(lambda q: engine.chat([_user(q)]), list(expected))
    right = [wording for wording in expected if answers[wording] == expected[wording]]
    assert len(right) / len(expected) >= 0.9
