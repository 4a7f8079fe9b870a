"""A real control plane and a real gateway as processes, and clients that add up what they are told.

There is no Ray, so the control plane publishes who may ask and no routes: the gateway keeps the
model of the snapshot that it kept, which a test writes, and sends what was used.
"""

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import httpx

from support.control_plane import KEY, model, sha256
from support.gateway import Gateway, chat_request, free_port
from support.http_server import Exchange
from support.product import NO_RAY
from support.upstream import FakeEngine, completion
from vllm_manager.kit.private_files import write_private

_KEYS = ("a", "b", "c", "d")


class ControlProcess:
    """One home and one port; any number of lives."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port()
        self.lives = 0
        self._process: asyncio.subprocess.Process | None = None
        self._client = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self.port}", timeout=60, trust_env=False
        )

    async def start(self) -> None:
        """Start it and return once it answers."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("VLLM_MANAGER_")}
        settings = {
            "VLLM_MANAGER_HOME": str(self.home),
            "VLLM_MANAGER_CONTROL_PORT": str(self.port),
            "VLLM_MANAGER_RAY_ADDRESS": NO_RAY,
            "VLLM_MANAGER_DEMO": "0",
            "VLLM_MANAGER_SILENCE_SECONDS": "3600",  # it waits so long before it publishes routes
        }
        with (self.home / "server.out").open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "vllm_manager.cli", "server"),
                env={**kept, **settings},
                stdout=output,
                stderr=output,
            )
        self.lives += 1
        async with asyncio.timeout(60):
            while not await self._answers():  # noqa: ASYNC110 - about another process
                await asyncio.sleep(0.05)

    async def kill(self) -> None:
        """End it as the out-of-memory killer would."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        await self._process.wait()

    async def make_key(self, name: str) -> tuple[str, str]:
        """Return the id and the secret of a new key of the administrator's."""
        answer = await self._client.post("/api/v1/keys", json={"name": name}, headers=self._bearer)
        assert answer.status_code == 201, answer.text
        return answer.json()["key"]["id"], answer.json()["secret"]

    async def used(self) -> dict[str, dict[str, Any]]:
        """Return the sums of each key, as the API tells them."""
        answer = await self._client.get("/api/v1/usage?group_by=key", headers=self._bearer)
        assert answer.status_code == 200, answer.text
        return {row["key"]: row for row in answer.json()["items"]}

    async def end(self) -> None:
        if self._process is not None and self._process.returncode is None:
            await self.kill()
        await self._client.aclose()

    @property
    def _bearer(self) -> dict[str, str]:
        admin = json.loads((self.home / "secrets" / "admin.json").read_text())
        return {"authorization": f"Bearer {admin['api_key']}"}

    async def _answers(self) -> bool:
        assert self._process is not None
        log = self.home / "server.out"
        assert self._process.returncode is None, log.read_text(errors="replace")[-4000:]
        try:
            return (await self._client.get("/healthz")).status_code == 200
        except httpx.TransportError:
            return False


class Told(NamedTuple):
    """What the answers to one key said, added up."""

    requests: int
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int


@dataclass
class Meter:
    """The processes, and the clients' own sums."""

    control: ControlProcess
    gateway: Gateway
    secrets: Mapping[str, str]
    """Of each key, by its id."""
    answered: int = 0
    asked: int = 0
    sums: dict[str, Counter[str]] = field(default_factory=dict[str, Counter[str]])

    @property
    def told(self) -> dict[str, Told]:
        """Return what clients were told, by key."""
        return {
            key: Told(*(sums[name] for name in Told._fields)) for key, sums in self.sums.items()
        }

    async def counted(self) -> dict[str, Told]:
        """Return what the control plane has counted, once nothing is left on the gateway's disk."""
        folder = self.gateway.run_dir / "usage"
        await self.gateway.when(lambda: not list(folder.glob("*.ndjson")))
        used = await self.control.used()
        return {key: Told(*(row[name] for name in Told._fields)) for key, row in used.items()}

    async def ask(self, count: int, clients: int = 24) -> None:
        """Ask so often, with keep-alive, and add up what is answered."""
        left, keys = iter(range(count)), list(self.secrets)
        async with asyncio.TaskGroup() as group:
            for number in range(clients):
                group.create_task(self._client(keys[number % len(keys)], left))

    async def _client(self, key: str, left: Any) -> None:
        request = chat_request({"model": "demo", "messages": []}).replace(
            KEY.encode(), self.secrets[key].encode()
        )
        stream = await _connect(self.gateway)
        for _ in left:
            self.asked += 1
            try:
                body = await _exchange(*stream, request)
            except (OSError, asyncio.IncompleteReadError):  # a worker was killed
                await _close(stream)
                stream = await _connect(self.gateway)
            else:
                self._note(key, json.loads(body)["usage"])
        await _close(stream)

    def _note(self, key: str, usage: dict[str, Any]) -> None:
        self.answered += 1
        sums = self.sums.setdefault(key, Counter())
        sums["requests"] += 1
        sums["prompt_tokens"] += usage["prompt_tokens"]
        sums["completion_tokens"] += usage["completion_tokens"]
        sums["cached_tokens"] += usage["prompt_tokens_details"]["cached_tokens"]


_Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _connect(gateway: Gateway) -> _Stream:
    """Connect; while no worker is there the parent's socket takes it, and it waits."""
    return await asyncio.open_connection("127.0.0.1", gateway.config.port)


async def _close(stream: _Stream) -> None:
    stream[1].close()
    with suppress(ConnectionError):
        await stream[1].wait_closed()


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> bytes:
    """Return the body of the answer, which must be one of success."""
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    _, _, length = head.lower().partition(b"content-length: ")
    return await reader.readexactly(int(length.split(b"\r\n", 1)[0]))


@dataclass
class _Engine:
    """Says of each answer another number of tokens."""

    chance: Random = field(default_factory=lambda: Random(1))
    whole: dict[str, Any] = field(default_factory=completion)

    async def __call__(self, exchange: Exchange) -> None:
        prompt, made = self.chance.randint(1, 4000), self.chance.randint(1, 900)
        cached = {"cached_tokens": self.chance.randint(0, prompt)}
        usage = {
            "prompt_tokens": prompt,
            "completion_tokens": made,
            "prompt_tokens_details": cached,
        }
        exchange.reply_json({**self.whole, "usage": usage})


def _snapshot(engines: Sequence[FakeEngine], secrets: Mapping[str, str]) -> str:
    keys = {sha256(secret): {"id": key, "user": "usr_admin"} for key, secret in secrets.items()}
    endpoints = [engine.endpoint(f"replica-{number}") for number, engine in enumerate(engines)]
    return json.dumps(
        {"version": 1, "epoch": "kept", "keys": keys, "models": {"demo": model(*endpoints)}}
    )


@asynccontextmanager
async def meter(home: Path, **settings: Any) -> AsyncGenerator[Meter]:
    """Run a control plane, a gateway and an engine."""
    control = ControlProcess(home)
    async with FakeEngine() as engine:
        engine.handler = _Engine()
        gateway = Gateway(home, control.port, **settings)
        gateway.run_dir.mkdir(parents=True, exist_ok=True)
        try:
            await control.start()
            secrets = dict([await control.make_key(name) for name in _KEYS])
            write_private(gateway.run_dir / "gateway-snapshot.json", _snapshot([engine], secrets))
            async with gateway:
                yield Meter(control, gateway, secrets)
        finally:
            await control.end()
