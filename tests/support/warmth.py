"""Real warmers for tests: with the fake engine preloaded, or with vLLM where it is installed."""

import asyncio
import json
import os
import secrets
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from support.engines import ENVIRONMENT, QUICK, replica_spec, until
from vllm_manager_engine import command, model_folder, secret
from vllm_manager_engine.process import free_port
from vllm_manager_engine.spec import Identity, ReplicaSpec
from vllm_manager_engine.supervisor import Supervisor
from vllm_manager_engine.warm import client, wire


def spare_environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of an engine that asks for nothing, without a secret."""
    model = model_folder.locate(model_folder.DEMO)
    found = command.environment(ReplicaSpec("", "", 0, model.name), model, inherited, "")
    del found[secret.VARIABLE]
    return found


# The first that a spare for the fake engine imports.
_HELD = """
import importlib, os, pathlib, sys, time
folder = pathlib.Path(__file__).parent
(folder / "began" / str(os.getpid())).touch()
end = time.monotonic() + 300
while not (folder / "go").exists() and time.monotonic() < end:
    time.sleep(0.01)
assert (folder / "go").read_text() == "on"
sys.path.remove(str(folder))
del sys.modules[__name__]
importlib.import_module(__name__)
"""


class Hold:
    """Keeps the preparation of spares with the environment `inherited` from ending."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "began").mkdir()
        (folder / "setproctitle.py").write_text(_HELD)
        self.inherited = {**ENVIRONMENT, "PYTHONPATH": f"{folder}:{ENVIRONMENT['PYTHONPATH']}"}

    async def spare(self) -> psutil.Process:
        """Return the first spare whose preparation has begun."""
        began = await until(lambda: os.listdir(self._folder / "began"), 120)
        return psutil.Process(int(min(began)))

    def let_go(self, *, broken: bool = False) -> None:
        """Let the preparation end now; `broken`: with an error."""
        (self._folder / "new").write_text("off" if broken else "on")
        (self._folder / "new").rename(self._folder / "go")


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
        async with asyncio.timeout(90):
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
    async with asyncio.timeout(90):
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


# A slow machine is no reason for a cold start.
PATIENT = {"start_deadline_seconds": 600, "idle_deadline_seconds": 300}


@asynccontextmanager
async def supervised(
    place: Path | None,
    *,
    pick_port: Callable[[str], int] = free_port,
    inherited: dict[str, str] = ENVIRONMENT,
    worth_seconds: float = 60,
    **changes: Any,
) -> AsyncGenerator[Supervisor]:
    """Yield a supervisor that waits at most `worth_seconds` for a warmer that is not there."""

    async def prospect() -> float:
        return worth_seconds

    supervisor = Supervisor(
        replica_spec(**PATIENT | changes),
        Identity("replica-1"),
        inherited=inherited,
        patience=QUICK,
        pick_port=pick_port,
        warmer=place,
        prospect=prospect,
    )
    try:
        yield supervisor
    finally:
        await supervisor.stop()


async def started(place: Path | None, **changes: Any) -> tuple[str | None, str | None]:
    """Return how an engine was started, and why so."""
    async with supervised(place, **changes) as supervisor:
        await supervisor.start()
        return supervisor.how, supervisor.how_reason
