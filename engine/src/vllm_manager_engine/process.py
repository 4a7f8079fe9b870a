"""One engine process behind its guard: started, listened to, told to stop, seen to end."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

_GUARD = Path(__file__).with_name("guard.py")
_OUTPUT_SECONDS = 0.5

# (stream, bytes read); called in the event loop.
OnOutput = Callable[[str, bytes], None]


def free_port(host: str) -> int:
    """Return a TCP port that was free on `host` a moment ago. Another process may still take it."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]


@dataclass(frozen=True, slots=True)
class Exit:
    """How the engine ended; both None where its guard died and nobody knows."""

    exit_code: int | None
    signal: int | None


class _Reader(asyncio.Protocol):
    """Hands on what arrives on a pipe; `ended` is done when all writers have closed it."""

    def __init__(self, receive: Callable[[bytes], None]) -> None:
        self._receive = receive
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        self._receive(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


@dataclass(frozen=True, slots=True)
class _Ends:
    """The ends of a guard's pipes that this process keeps."""

    commands: int
    status: int
    out: int
    err: int


def _spawn(
    command: Sequence[str], environment: Mapping[str, str]
) -> tuple[subprocess.Popen[bytes], _Ends]:
    """Start the guard. What is kept here is not inheritable, the write end of the commands above
    all: whoever held a copy of that one would keep the engine alive.
    """
    (commands_read, commands), (status, status_write) = os.pipe(), os.pipe()
    (out, out_write), (err, err_write) = os.pipe(), os.pipe()
    program = [sys.executable, "-I", "-S", str(_GUARD), str(commands_read), str(status_write)]
    try:
        guard = subprocess.Popen(
            [*program, "--", *command],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=out_write,
            stderr=err_write,
            pass_fds=(commands_read, status_write),
            start_new_session=True,
        )
    except BaseException:
        for descriptor in (commands, status, out, err):
            os.close(descriptor)
        raise
    finally:
        for descriptor in (commands_read, status_write, out_write, err_write):
            os.close(descriptor)
    return guard, _Ends(commands, status, out, err)


class Lease(Protocol):
    """What keeps an engine alive: orders go over it, and its end is the engine's end."""

    def order(self, letter: bytes) -> None:
        """Pass an order to the guard; lost where the guard is gone."""
        ...

    def close(self) -> None:
        """End the lease. May be called again."""
        ...

    def collect(self) -> None:
        """Wait for the guard's own end where it is a child of this process. Blocks."""
        ...


class _Pipe:
    """The lease of an engine that was started by this process."""

    def __init__(self, guard: subprocess.Popen[bytes], commands: int) -> None:
        self._guard = guard
        self._commands: int | None = commands

    def order(self, letter: bytes) -> None:
        if self._commands is not None:
            with contextlib.suppress(BrokenPipeError):
                os.write(self._commands, letter)

    def close(self) -> None:
        if self._commands is not None:
            os.close(self._commands)
            self._commands = None

    def collect(self) -> None:
        """Leave no zombie. Ray may have collected the guard before."""
        with contextlib.suppress(subprocess.TimeoutExpired, ChildProcessError):
            self._guard.wait(5)


class EngineProcess:
    """A running engine. Made by `launch` or `take_over`; lives no longer than this process."""

    def __init__(self, guard_pid: int, lease: Lease) -> None:
        self.guard_pid = guard_pid
        self.engine_pid: int | None = None
        self.exit: Exit | None = None
        self.error: str | None = None
        self._lease = lease
        self._status = b""
        self._gone = asyncio.Event()
        self._ending: asyncio.Task[None] | None = None
        self._transports: list[asyncio.BaseTransport] = []

    @classmethod
    async def launch(
        cls, command: Sequence[str], environment: Mapping[str, str], output: OnOutput
    ) -> "EngineProcess":
        """Start `command` under a guard. Output is handed on until the engine has ended.

        Raises:
            OSError: the guard could not be started.
        """
        guard, ends = _spawn(command, environment)
        return await cls.take_over(
            guard.pid, _Pipe(guard, ends.commands), ends.status, (ends.out, ends.err), output
        )

    @classmethod
    async def take_over(
        cls,
        guard_pid: int,
        lease: Lease,
        status: int,
        streams: tuple[int, int],
        output: OnOutput,
        said: bytes = b"",
    ) -> "EngineProcess":
        """Stand for an engine that runs under guard `guard_pid`.

        `status` and `streams` (standard output, standard error) are descriptors to read, owned by
        the result; `said` is what was already read of the status.
        """
        process = cls(guard_pid, lease)
        process._on_status(said)
        telling = await process._listen(status, process._on_status)
        out, err = streams
        outputs = [
            await process._listen(out, lambda data: output("stdout", data)),
            await process._listen(err, lambda data: output("stderr", data)),
        ]
        process._ending = asyncio.create_task(process._wait_for_end(telling, outputs))
        return process

    async def wait(self, timeout_seconds: float | None = None) -> bool:
        """Return True once the engine and all its descendants are gone, False on time-out."""
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._gone.wait()
        except TimeoutError:
            return False
        return True

    @property
    def is_gone(self) -> bool:
        return self._gone.is_set()

    def terminate(self) -> None:
        """Ask the engine to end (SIGTERM)."""
        self._lease.order(b"T")

    def kill(self) -> None:
        """Kill the engine and everything that it started."""
        self._lease.order(b"K")

    def close(self) -> None:
        """Let go of the engine as if this process had died: its guard kills it."""
        self._lease.close()

    async def _listen(self, descriptor: int, receive: Callable[[bytes], None]) -> _Reader:
        loop = asyncio.get_running_loop()
        pipe = os.fdopen(descriptor, "rb", buffering=0)
        transport, reader = await loop.connect_read_pipe(lambda: _Reader(receive), pipe)
        self._transports.append(transport)
        return reader

    def _on_status(self, data: bytes) -> None:
        *lines, self._status = (self._status + data).split(b"\n")
        for message in map(json.loads, lines):
            if "engine_pid" in message:
                self.engine_pid = message["engine_pid"]
            elif "error" in message:
                self.error = message["error"]
                self.exit = Exit(127, None)
            else:
                self.exit = Exit(message["exit_code"], message["signal"])

    async def _wait_for_end(self, status: _Reader, streams: list[_Reader]) -> None:
        await status.ended
        if self.exit is None:
            self._finish_for_guard()
        # Whoever left the engine with its output open must not hold up the verdict.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_OUTPUT_SECONDS):
                await asyncio.gather(*(stream.ended for stream in streams))
        for transport in self._transports:
            transport.close()
        self.close()
        await asyncio.get_running_loop().run_in_executor(None, self._lease.collect)
        self._gone.set()

    def _finish_for_guard(self) -> None:
        """The guard itself was killed: do its work as far as it can be done from here."""
        self.exit = Exit(None, None)
        if self.engine_pid is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.engine_pid, signal.SIGKILL)
