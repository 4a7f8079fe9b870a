"""The fetching process as its parent sees it: orders go down one pipe, news come up the other."""

import asyncio
import logging
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import orjson

log = logging.getLogger(__name__)

Json = dict[str, Any]
Outcome = Literal["succeeded", "failed", "stopped", "changed"]
_LINE_BYTES = 64 << 20
_END_SECONDS = 5.0
_ENVIRONMENT = frozenset(
    {
        "HOME",
        "LANG",
        "LC_ALL",
        "LD_LIBRARY_PATH",
        "PATH",
        "PYTHONPATH",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
        "TMPDIR",
        "TZ",
        "VIRTUAL_ENV",
    }
)
"""What the process gets of ours: no token, no password."""


class WorkerDied(Exception):
    """The fetching process ended in the middle of an order."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How an order ended; `error` is what the process said of it."""

    outcome: Outcome
    error: Json | None


@dataclass(slots=True)
class _Pending:
    done: asyncio.Future[Ended]
    on_progress: Callable[[Json], None]


class WorkerLink:
    """Starts the process with the first order and ends it when told; it never outlives us."""

    def __init__(self, bytes_per_second: int | None) -> None:
        self._bytes_per_second = bytes_per_second
        self._process: Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._pending: dict[str, _Pending] = {}
        self._starting = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """The process, while there is one."""
        return self._process.pid if self._process is not None else None

    async def fetch(self, order: Json, on_progress: Callable[[Json], None]) -> Ended:
        """Have an order carried out, and return how it ended.

        Raises:
            WorkerDied: the process ended meanwhile; the order can be given again.
        """
        line = await asyncio.to_thread(orjson.dumps, {"do": "start", **order})
        pending = _Pending(asyncio.get_running_loop().create_future(), on_progress)
        async with self._starting:
            await self._ensure_started()
            self._pending[order["id"]] = pending
        try:
            await self._send(line)
            return await pending.done
        finally:
            self._pending.pop(order["id"], None)

    async def stop(self, order_id: str) -> None:
        """Ask for the end of an order; `fetch` returns when it has come."""
        if order_id in self._pending:
            with suppress(WorkerDied):
                await self._send(orjson.dumps({"do": "stop", "id": order_id}))

    async def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(_END_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        if self._reader is not None:
            await self._reader

    async def _ensure_started(self) -> None:
        if self._process is not None:
            return
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "vllm_manager.downloads.worker",
            stdin=PIPE,
            stdout=PIPE,
            env={name: value for name, value in os.environ.items() if name in _ENVIRONMENT},
            start_new_session=True,  # a Ctrl-C is for us; the pipe's end tells the process
            limit=_LINE_BYTES,
        )
        self._reader = asyncio.create_task(self._read(self._process), name="downloads-worker")
        limit = {"do": "limit", "bytes_per_second": self._bytes_per_second}
        await self._send(orjson.dumps(limit))

    async def _send(self, line: bytes) -> None:
        process = self._process
        if process is None or process.stdin is None:
            raise WorkerDied
        try:
            process.stdin.write(line + b"\n")
            await process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError) as error:
            raise WorkerDied from error

    async def _read(self, process: Process) -> None:
        """Pass news on until the process ends, then tell whoever still waits."""
        assert process.stdout is not None
        try:
            while line := await process.stdout.readline():
                self._take(orjson.loads(line))
        finally:
            if self._process is process:
                self._process = None
                log.warning("The fetching process ended by itself (code %s)", process.returncode)
            for pending in self._pending.values():
                if not pending.done.done():
                    pending.done.set_exception(WorkerDied())

    def _take(self, told: Json) -> None:
        pending = self._pending.get(told["id"])
        if pending is None:
            return
        if told["event"] == "progress":
            pending.on_progress(told)
        elif not pending.done.done():
            pending.done.set_result(Ended(told["outcome"], told["error"]))
