"""17. A replica killed under load: only its requests fail; new ones go elsewhere or wait."""

import asyncio
import os
import signal
from pathlib import Path

import httpx
import pytest

from support.engines import family, is_alive, report_sink, until
from support.gateway import Gateway, rig
from support.upstream import Held
from support.warmth import started, supervised, warmer


async def ask_until(stop: asyncio.Event, gateway: Gateway) -> list[int]:
    statuses: list[int] = []
    while not stop.is_set():
        statuses.append((await gateway.chat()).status_code)
    return statuses


@pytest.mark.survival
async def test_17_new_requests_go_to_the_replica_that_lives(tmp_path: Path) -> None:
    async with rig(tmp_path, engines=2) as made:
        first, second = made.engines
        stop = asyncio.Event()
        callers = [asyncio.create_task(ask_until(stop, made.gateway)) for _ in range(8)]
        await made.gateway.when(lambda: len(first.exchanges) > 20)
        await first.kill()
        seen = len(second.exchanges)
        await made.gateway.when(lambda: len(second.exchanges) > seen + 50)
        await first.listen()
        seen = len(first.exchanges)
        await made.gateway.when(lambda: len(first.exchanges) > seen + 20)
        stop.set()
        statuses = [status for each in await asyncio.gather(*callers) for status in each]
        # Nothing of these answers had begun, so even those under way were asked again elsewhere.
        assert set(statuses) == {200}


@pytest.mark.survival
async def test_17_only_answers_that_had_begun_on_the_killed_replica_break(tmp_path: Path) -> None:
    async with rig(tmp_path, engines=2) as made:
        held = [Held(chunks_first=1), Held(chunks_first=1)]
        for engine, handler in zip(made.engines, held, strict=True):
            engine.handler = handler
        calls = [asyncio.create_task(made.gateway.chat(stream=True)) for _ in range(2)]
        await asyncio.gather(*(handler.waiting.wait() for handler in held))
        await made.engines[0].kill()
        held[1].go_on.set()
        texts = [response.text for response in await asyncio.gather(*calls)]
        assert sorted("engine_failed" in text for text in texts) == [False, True]
        assert sorted("[DONE]" in text for text in texts) == [False, True]


@pytest.mark.survival
async def test_17_with_no_replica_left_callers_are_told_to_come_back(tmp_path: Path) -> None:
    async with rig(tmp_path) as made:
        await made.engine.kill()
        refused = await made.gateway.chat()
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) >= 1
        await made.engine.listen()
        assert (await made.gateway.chat()).status_code == 200


class Callers:
    """Stream from one engine, eight at a time."""

    def __init__(self, client: httpx.AsyncClient, endpoint: str, secret: str) -> None:
        self._stream = client.stream
        self._url, self._headers = f"{endpoint}/v1/completions", {"x-engine-secret": secret}
        self.begun = 0
        self.tasks = [asyncio.create_task(self._call()) for _ in range(8)]

    async def _call(self) -> bool:
        """Return whether an answer came whole."""
        body = {"model": "demo", "prompt": "hi", "max_tokens": 2000, "stream": True}
        text = ""
        try:
            async with self._stream("POST", self._url, json=body, headers=self._headers) as answer:
                async for piece in answer.aiter_text():
                    self.begun += not text
                    text += piece
        except httpx.HTTPError:
            return False
        return "[DONE]" in text


@pytest.mark.survival
@pytest.mark.linux
async def test_17_a_warm_engine_killed_under_load_ends_alone_and_the_next_is_warm() -> None:
    slow = {"tokens": 2000, "tokens_per_second": 10}
    async with warmer() as running, report_sink() as sink, httpx.AsyncClient(timeout=60) as client:
        async with (
            supervised(running.place, fake=slow, report_url=sink.url) as killed,
            supervised(running.place) as other,
        ):
            await killed.start()
            await other.start()
            assert (killed.how, other.how) == ("warm", "warm")
            await until(lambda: sink.last.get("phase") == "ready")
            callers = Callers(client, sink.last["endpoint"], sink.last["secret"])
            await until(lambda: callers.begun == 8)
            members = family(killed)
            pid = killed.process and killed.process.engine_pid
            assert pid
            os.kill(pid, signal.SIGKILL)
            assert await asyncio.gather(*callers.tasks) == [False] * 8
            await until(lambda: killed.failure)
            await until(lambda: not any(map(is_alive, members)))
            await other.check()
        assert await started(running.place) == ("warm", None)
