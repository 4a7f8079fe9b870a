"""A real gateway for tests: its parent and workers as processes of their own."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import msgspec
import psutil

from support.control_plane import KEY, TOKEN, ControlPlane, echo, model, snapshot
from support.upstream import FakeEngine, answer
from vllm_manager.gateway.config import ENVIRONMENT_NAME, GatewayConfig, encode
from vllm_manager.kit.certificates import own_trust
from vllm_manager.kit.private_files import write_private

AUTHORIZATION = {"authorization": f"Bearer {KEY}"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Gateway:
    """A gateway under its parent process, on a port of its own."""

    def __init__(self, home: Path, control_port: int, **settings: Any) -> None:
        write_private(home / "secrets" / "internal_token", TOKEN)
        self.run_dir = home / "run"
        self.config = GatewayConfig(
            host="127.0.0.1",
            port=free_port(),
            control_port=control_port,
            run_dir=str(self.run_dir),
            token_path=str(home / "secrets" / "internal_token"),
            drain_seconds=5,
            log_level="warning",
        )
        self.config = msgspec.structs.replace(self.config, **settings)
        self.log_path = home / "gateway.log"
        tls = self.config.tls
        self.client = httpx.AsyncClient(
            base_url=self.url,
            timeout=60,
            trust_env=False,
            verify=True if tls is None else own_trust(tls.certificate),
        )
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        scheme = "http" if self.config.tls is None else "https"
        return f"{scheme}://127.0.0.1:{self.config.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What its processes find in their environment."""
        return {ENVIRONMENT_NAME: encode(self.config)}

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def worker_pids(self) -> list[int]:
        return [child.pid for child in psutil.Process(self.pid).children()]

    @property
    def log(self) -> str:
        return self.log_path.read_text()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.client.aclose()
        await self.stop()

    async def start(self) -> None:
        with self.log_path.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "vllm_manager.gateway.workers",
                env={**os.environ, **self.environment},
                stderr=log,
            )
        await self.wait_until(lambda health: True)

    async def kill(self) -> None:
        """End the parent and its workers as the out-of-memory killer would."""
        for pid in (self.pid, *self.worker_pids):
            os.kill(pid, signal.SIGKILL)
        assert self._process is not None
        await self._process.wait()

    async def stop(self) -> int:
        """Ask the parent to stop, and return its exit status."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self._process.wait(), 60)

    async def wait_until(
        self, holds: Callable[[dict[str, Any]], bool], within_seconds: float = 60
    ) -> dict[str, Any]:
        """Ask for the health until `holds(health)`."""
        async with asyncio.timeout(within_seconds):
            while True:
                try:
                    health = (await self.client.get("/gateway/healthz")).json()
                    if holds(health):
                        return health
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.02)

    async def when(self, holds: Callable[[], bool], within_seconds: float = 60) -> None:
        """Wait until `holds()`."""
        async with asyncio.timeout(within_seconds):
            while not holds():  # noqa: ASYNC110 - about other processes
                await asyncio.sleep(0.02)

    async def publish(self, control: ControlPlane, content: dict[str, Any]) -> None:
        """Publish a snapshot and wait until the gateway has it in force (with one worker)."""
        version = await control.publish(content)
        await self.wait_until(lambda health: health["snapshot_version"] == version)

    async def chat(self, **body: Any) -> httpx.Response:
        """Ask for a chat completion."""
        request = {"model": "demo", "messages": [{"role": "user", "content": "hi"}], **body}
        return await self.client.post("/v1/chat/completions", json=request, headers=AUTHORIZATION)


@dataclass
class Rig:
    """A gateway between a stand-in control plane and fake engines that answer “demo”."""

    control: ControlPlane
    engines: list[FakeEngine]
    gateway: Gateway
    serving: int
    """How many of the engines are in the snapshot."""

    @property
    def engine(self) -> FakeEngine:
        return self.engines[0]

    async def publish(self, **more: Any) -> None:
        """Publish “demo” with all engines; `more` changes its entry."""
        await self.gateway.publish(self.control, snapshot({"demo": self.entry(**more)}))

    def entry(self, **more: Any) -> dict[str, Any]:
        endpoints = [e.endpoint(f"replica-{i}") for i, e in enumerate(self.engines[: self.serving])]
        return {**model(*endpoints), **more}

    async def reset(self, serving: int) -> None:
        """Put back what an earlier test may have changed."""
        self.serving = serving
        self.control.answer_relayed = echo
        self.control.relayed.clear()
        for engine in self.engines:
            engine.handler = answer
            engine.exchanges.clear()
        for server in (self.control, *self.engines):
            if not server.is_listening:
                await server.listen()
        await self.publish()

    async def raw(self, data: bytes) -> bytes:
        """Send bytes on a connection of their own; return all that comes until it is closed.

        Nothing, where the gateway closed it with bytes of ours unread.
        """
        reader, writer = await asyncio.open_connection("127.0.0.1", self.gateway.config.port)
        try:
            writer.write(data)
            return await asyncio.wait_for(reader.read(), 10)
        except ConnectionError:
            return b""
        finally:
            writer.close()


@asynccontextmanager
async def rig(home: Path, engines: int = 1, **settings: Any) -> AsyncGenerator[Rig]:
    """Run a whole rig with its parts on ports of their own."""
    async with AsyncExitStack() as stack:
        control = await stack.enter_async_context(ControlPlane())
        servers = [await stack.enter_async_context(FakeEngine()) for _ in range(engines)]
        made = Rig(control, servers, Gateway(home, control.port, **settings), engines)
        await control.publish(snapshot({"demo": made.entry()}))  # every worker begins with it
        await stack.enter_async_context(made.gateway)
        yield made


def chat_request(body: dict[str, Any] | bytes, *headers: str) -> bytes:
    """Return a chat request as bytes for the wire, with a valid key."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [
        "POST /v1/chat/completions HTTP/1.1",
        "host: test",
        f"authorization: Bearer {KEY}",
        "content-type: application/json",
        f"content-length: {len(content)}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content
