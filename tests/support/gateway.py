"""A real gateway for tests: its parent and workers as processes of their own."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import psutil

from support.control_plane import KEY, TOKEN, ControlPlane
from vllm_manager.gateway.config import ENVIRONMENT_NAME, GatewayConfig, encode
from vllm_manager.kit.secrets import write_private

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
            **{"drain_seconds": 5, "log_level": "warning", **settings},
        )
        self.log_path = home / "gateway.log"
        self.client = httpx.AsyncClient(base_url=self.url, timeout=20, trust_env=False)
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.config.port}"

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
                env={**os.environ, ENVIRONMENT_NAME: encode(self.config)},
                stderr=log,
            )
        await self.wait_until(lambda health: True)

    async def stop(self) -> int:
        """Ask the parent to stop, and return its exit status."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self._process.wait(), 20)

    async def wait_until(self, holds: Any, within_seconds: float = 10) -> dict[str, Any]:
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

    async def publish(self, control: ControlPlane, content: dict[str, Any]) -> None:
        """Publish a snapshot and wait until the gateway has it in force (with one worker)."""
        version = await control.publish(content)
        await self.wait_until(lambda health: health["snapshot_version"] == version)

    async def chat(self, **body: Any) -> httpx.Response:
        """Ask for a chat completion."""
        request = {"model": "demo", "messages": [{"role": "user", "content": "hi"}], **body}
        return await self.client.post("/v1/chat/completions", json=request, headers=AUTHORIZATION)
