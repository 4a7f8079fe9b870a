"""Many streaming clients that ask for far more than their keys may, and an engine that counts.

What the engine counted for a key is what the gateway admitted; the gateway's own figures have no
part in it.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from support.control_plane import KEY, ControlPlane, model, sha256
from support.gateway import Gateway, chat_request
from support.http_server import Exchange
from support.upstream import FakeEngine, chunk, sse
from vllm_manager.gateway.accounts import Accounts, open_accounts

PROMPT_TOKENS = 20
MOST_OUTPUT_TOKENS = 100
_CHUNKS = 4


class Caller(NamedTuple):
    """A key, what it may use, and how hard it is asked with."""

    id: str
    limits: dict[str, int]
    clients: int
    asks_per_second: float
    """All its clients together. Where an answer takes longer, they ask less."""

    @property
    def secret(self) -> str:
        return f"vm-{self.id}"

    @property
    def body(self) -> dict[str, Any]:
        return {
            "model": "demo",
            "stream": True,
            "max_tokens": MOST_OUTPUT_TOKENS,
            "messages": [{"role": "user", "content": "Tell me a story."}],
            "user": self.id,
        }


@dataclass
class CountingEngine:
    """Streams answers of chance lengths, and counts for each key what it made."""

    longest_seconds: float = 0.4
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    tokens: Counter[str] = field(default_factory=Counter[str])
    requests: Counter[str] = field(default_factory=Counter[str])
    at_once: Counter[str] = field(default_factory=Counter[str])
    most_at_once: Counter[str] = field(default_factory=Counter[str])
    most_in_all: int = 0

    async def __call__(self, exchange: Exchange) -> None:
        key: str = exchange.json["user"]
        output = self.chance.randint(1, exchange.json["max_tokens"])
        pause_seconds = self.chance.uniform(0, self.longest_seconds) / _CHUNKS
        self.requests[key] += 1
        self.at_once[key] += 1
        self.most_at_once[key] = max(self.most_at_once[key], self.at_once[key])
        self.most_in_all = max(self.most_in_all, self.at_once.total())
        self.tokens[key] += PROMPT_TOKENS + output
        exchange.start(content_type="text/event-stream")
        for _ in range(_CHUNKS):
            await exchange.chunk(sse(chunk("word")))
            await asyncio.sleep(pause_seconds)
        usage = {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": output}
        await exchange.chunk(sse(chunk(None, usage=usage)))
        self.at_once[key] -= 1  # the gateway gives the place back when it has seen the end
        await exchange.chunk(b"data: [DONE]\n\n")
        exchange.end()


@dataclass
class Crowd:
    """All clients of all callers, what they were told, and what came of it."""

    gateway: Gateway
    control: ControlPlane
    engine: CountingEngine
    engine_port: int
    callers: Sequence[Caller]
    asked: Counter[str] = field(default_factory=Counter[str])
    statuses: Counter[int] = field(default_factory=Counter[int])
    _admitting: set[int] = field(default_factory=set[int])

    @property
    def accounts(self) -> Accounts:
        """The gateway's own, as another worker sees them."""
        return open_accounts(self.gateway.run_dir / "gateway-limits", is_shared=True)

    def workers_that_admitted(self) -> int:
        """Return how many workers were seen with a connection to the engine while clients asked."""
        return len(self._admitting)

    async def _watch(self) -> None:
        """Note who holds a connection to the engine: each such worker has let a request by."""
        while True:
            for pid in self.gateway.worker_pids:
                held = psutil.Process(pid).net_connections("tcp")
                if any(each.raddr and each.raddr.port == self.engine_port for each in held):
                    self._admitting.add(pid)
            await asyncio.sleep(0.2)

    async def run(self, seconds: float) -> None:
        """Ask for so long, and wait until all that was begun has ended and is settled."""
        end = time.monotonic() + seconds
        watching = asyncio.create_task(self._watch())
        async with asyncio.TaskGroup() as group:
            for caller in self.callers:
                for number in range(caller.clients):
                    group.create_task(self._client(caller, number, end))
        watching.cancel()
        await self.control.wait_for_records(self.engine.requests.total(), 300)

    async def _client(self, caller: Caller, number: int, end: float) -> None:
        """Ask at even distances, one request after another, on a connection of its own."""
        request = chat_request(caller.body).replace(KEY.encode(), caller.secret.encode())
        step_seconds = caller.clients / caller.asks_per_second
        at = time.monotonic() + step_seconds * number / caller.clients
        await asyncio.sleep(at - time.monotonic())  # one worker may take all that come together
        connection = await asyncio.open_connection("127.0.0.1", self.gateway.config.port)
        while at < end:
            await asyncio.sleep(at - time.monotonic())
            at = max(at + step_seconds, time.monotonic())
            self.asked[caller.id] += 1
            self.statuses[await _status(*connection, request)] += 1
        connection[1].close()
        with suppress(ConnectionError):
            await connection[1].wait_closed()


@asynccontextmanager
async def crowd(
    home: Path,
    callers: Sequence[Caller],
    more_limits: Mapping[str, dict[str, int]] | None = None,
    **settings: Any,
) -> AsyncGenerator[Crowd]:
    """Run a gateway whose workers know the callers from their start, before a counting engine.

    Each caller has a user and a team of its own: `usr_ID`, `team_ID`.
    """
    counting = CountingEngine()
    async with ControlPlane() as control, FakeEngine() as engine:
        engine.handler = counting
        keys = {
            sha256(one.secret): {"id": one.id, "user": f"usr_{one.id}", "team": f"team_{one.id}"}
            for one in callers
        }
        own = {f"key:{one.id}": one.limits for one in callers if one.limits}
        limits = {**own, **(more_limits or {})}
        models = {"demo": model(engine.endpoint())}
        await control.publish({"keys": keys, "models": models, "limits": limits})
        async with Gateway(home, control.port, **settings) as gateway:
            await gateway.when(lambda: len(set(control.workers)) == gateway.config.workers)
            yield Crowd(gateway, control, counting, engine.port, callers)


async def _status(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> int:
    """Send a request, read its answer to the end, and return its status."""
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if b"transfer-encoding: chunked" in head:
        await reader.readuntil(b"0\r\n\r\n")
    else:
        _, _, length = head.partition(b"content-length: ")
        await reader.readexactly(int(length.split(b"\r\n", 1)[0]))
    return int(head.split(b" ", 2)[1])
