"""The warmer's Serve application: one replica on each node, which keeps the warmer's process alive
and reports what the node takes.

It holds up nothing: its constructor returns at once, it asks for no CPU, and whatever goes wrong
below it is told in its reports and costs a start its warmth, no more.
"""

import asyncio
import contextlib
import glob
import importlib
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from vllm_manager_engine import command, model_folder, placement, secret
from vllm_manager_engine.http_client import HttpError, request
from vllm_manager_engine.machine import Machine, disks, folders
from vllm_manager_engine.reporter import token
from vllm_manager_engine.spec import ReplicaSpec
from vllm_manager_engine.warm import client, room, wire
from vllm_manager_engine.warm.warmer import Plan

APPLICATION = "vllm-manager.warmer"
DEPLOYMENT = "warmer"
REPORT_PATH = "/internal/v1/warmers"

log = logging.getLogger("ray.serve")

_ASK_SECONDS = 5.0
_REPORT_SECONDS = 5.0
_MACHINE_SECONDS = 1.0
_FIRST_PAUSE_SECONDS = 0.2
_MOST_PAUSE_SECONDS = 30.0
_STABLE_SECONDS = 30.0


async def prospect() -> float:
    """Return how many seconds the warmer of a node is worth waiting for, by what Serve says."""
    try:
        async with asyncio.timeout(_ASK_SECONDS):
            status = await asyncio.to_thread(_serve_status)
    except Exception as error:
        log.info("Serve does not tell whether there is a warmer: %r", error)
        return client.APPEAR_SECONDS
    if status in ("NOT_STARTED", "DEPLOYING"):
        return client.COMING_SECONDS
    return client.APPEAR_SECONDS if status in ("RUNNING", "UNHEALTHY") else 0.0


def _serve_status() -> str | None:
    """Return the warmer's state as an application of Serve; None: there is no such application."""
    serve: Any = importlib.import_module("ray.serve")
    found = serve.status().applications.get(APPLICATION)
    return None if found is None else str(found.status.value)


class Warmer:
    """Starts the warmer's process, starts it again when it ends, and reports what it holds."""

    async def __init__(self, args: dict[str, Any]) -> None:
        self._args = args
        self._node = placement.this_node()
        self._place = wire.address(self._node.id)
        self._process: asyncio.subprocess.Process | None = None
        self._restarts = -1
        self._spares = int(args.get("spares", 1))
        places = folders(args.get("models"))
        self._machine = Patient("machine", Machine().read)
        self._disks = Patient("disks", lambda: disks(places))
        self._tasks = [asyncio.create_task(self._watch()), asyncio.create_task(self._tell())]

    async def check_health(self) -> None:
        """Raise where one of the two loops ended, which they never should."""
        for task in self._tasks:
            if task.done():
                task.result()

    async def __del__(self) -> None:  # Serve awaits it
        for task in getattr(self, "_tasks", ()):
            task.cancel()
        await self._end()

    async def _watch(self) -> None:
        pause, loop = _FIRST_PAUSE_SECONDS, asyncio.get_running_loop()
        while room.is_linux() and self._spares:
            began = loop.time()
            self._restarts += 1
            try:
                self._process = await self._start()
                await self._process.wait()
                log.warning("The warmer ended with %s", self._process.returncode)
            except OSError as error:
                log.warning("The warmer can't be started: %s", error)
            stable = loop.time() - began > _STABLE_SECONDS
            pause = _FIRST_PAUSE_SECONDS if stable else min(2 * pause, _MOST_PAUSE_SECONDS)
            await asyncio.sleep(pause)

    async def _start(self) -> asyncio.subprocess.Process:
        plan = Plan(
            socket=str(self._place),
            engine=self._args.get("engine", "vllm"),
            spares=self._spares,
            memory_bytes=self._args.get("memory_bytes"),
        )
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "vllm_manager_engine.warm", json.dumps(asdict(plan))),
            env=environment(os.environ),
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    async def _end(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 5)
        except TimeoutError:
            process.kill()

    async def _tell(self) -> None:
        url = self._args.get("report_url")
        while url is not None:
            await self._report(f"{url}{REPORT_PATH}")
            await asyncio.sleep(_REPORT_SECONDS)

    async def _report(self, url: str) -> None:
        body = {
            **await self._status(),
            "node": asdict(self._node),
            "restarts": max(0, self._restarts),
        }
        machine, disks = await asyncio.gather(self._machine.read(), self._disks.read())
        body["machine"] = (machine or {}) | {"disks": disks or {}}
        headers = {"Authorization": f"Bearer {token()}"}
        with contextlib.suppress(HttpError):
            await request("POST", url, headers=headers, body=body, timeout_seconds=5)

    async def _status(self) -> dict[str, Any]:
        """Return what the warmer's process says of itself, or why there is nothing to say."""
        if not self._spares:
            return {"reason": "warm starts are switched off", "spares": [], "wanted": 0}
        try:
            return await client.status(self._place)
        except client.NotWarm as error:
            return {"reason": str(error), "spares": [], "wanted": self._spares}


class Patient:
    """Reads in a thread, where a driver or a file system may take its time, or hang.

    Each has its own, so that one that hangs hides nothing of the others.
    """

    def __init__(
        self, what: str, look: Callable[[], dict[str, Any]], seconds: float = _MACHINE_SECONDS
    ) -> None:
        self._what = what
        self._seconds = seconds
        self._look = look
        self._reading: asyncio.Task[dict[str, Any]] | None = None

    async def read(self) -> dict[str, Any] | None:
        """Return what it says; None while it can't be read, which holds up no report."""
        left = self._reading
        if left is not None and not left.done():
            return None
        self._reading = reading = asyncio.create_task(asyncio.to_thread(self._look))
        if left is not None and not left.cancelled():
            left.exception()  # what it found is old by now
        done, _ = await asyncio.wait([reading], timeout=self._seconds)
        if not done:
            return None
        self._reading = None
        error = reading.exception()
        if error is not None:
            log.warning("The figures of the %s can't be read: %r", self._what, error)
            return None
        return reading.result()


def environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """Return what spares are started with: the environment of an engine that asks for nothing."""
    gpus = 1 if glob.glob("/dev/nvidia[0-9]*") else 0
    plain = ReplicaSpec("", "", 0, model_folder.DEMO, gpus=gpus)
    model = model_folder.locate(plain.model)
    found = command.environment(plain, model, inherited, "")
    return {k: v for k, v in found.items() if k not in (secret.VARIABLE, "CUDA_VISIBLE_DEVICES")}


def build(args: Mapping[str, Any]) -> Any:
    """Return the Serve application.

    `args`: `engine`, `spares` (0: only what its node takes is reported), `memory_bytes`,
    `report_url`, `models` (the folder that the control plane keeps models in).
    """
    serve: Any = importlib.import_module("ray.serve")
    deployment = serve.deployment(
        Warmer,
        name=DEPLOYMENT,
        health_check_period_s=5.0,
        health_check_timeout_s=30.0,
        graceful_shutdown_wait_loop_s=0.1,
        graceful_shutdown_timeout_s=10.0,
        max_replicas_per_node=1,
        ray_actor_options={"num_cpus": 0},
    )
    return deployment.bind(dict(args))
