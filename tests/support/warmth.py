"""Real warmers for tests: with the fake engine preloaded, or with vLLM where it is installed."""

import asyncio
import json
import os
import secrets
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.engines import ENVIRONMENT
from vllm_manager_engine import command, model_folder, secret
from vllm_manager_engine.spec import ReplicaSpec
from vllm_manager_engine.warm import client, wire


def spare_environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of an engine that asks for nothing, without a secret."""
    model = model_folder.locate(model_folder.DEMO)
    found = command.environment(ReplicaSpec("", "", 0, model.name), model, inherited, "")
    del found[secret.VARIABLE]
    return found


@dataclass
class RunningWarmer:
    """A warmer's process, and the socket that it listens on."""

    process: asyncio.subprocess.Process
    place: Path

    async def status(self) -> dict[str, Any]:
        return await client.status(self.place)

    async def spare(self, timeout_seconds: float = 120) -> dict[str, Any]:
        """Return the first spare once it is ready."""
        async with asyncio.timeout(timeout_seconds):
            while True:
                with suppress(client.NotWarm):
                    ready = [s for s in (await self.status())["spares"] if s["state"] == "ready"]
                    if ready:
                        return ready[0]
                await asyncio.sleep(0.02)

    async def until_handed_over(self) -> None:
        """Return once a request was passed to the spare, whether it took it or not."""
        async with asyncio.timeout(20):
            while not (await self.status())["handed_over"]:  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0.01)


async def start_warmer(
    place: Path,
    *,
    python: str = sys.executable,
    inherited: Mapping[str, str] = ENVIRONMENT,
    **plan: Any,
) -> RunningWarmer:
    """Start a warmer; `plan` holds members of its `Plan`."""
    words = {"socket": str(place), "engine": "fake", **plan}
    process = await asyncio.create_subprocess_exec(
        *(python, "-m", "vllm_manager_engine.warm", json.dumps(words)),
        env=spare_environment(inherited),
        stdin=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    return RunningWarmer(process, place)


async def stop_warmer(running: RunningWarmer) -> None:
    """End a warmer as the end of its Serve replica would."""
    assert running.process.stdin is not None
    running.process.stdin.close()
    async with asyncio.timeout(20):
        await running.process.wait()


@asynccontextmanager
async def warmer(**plan: Any) -> AsyncGenerator[RunningWarmer]:
    """Yield a warmer whose first spare is ready."""
    place = wire.address(f"test-{os.getpid()}-{secrets.token_hex(4)}")
    running = await start_warmer(place, **plan)
    try:
        await running.spare()
        yield running
    finally:
        if running.process.returncode is None:
            await stop_warmer(running)
