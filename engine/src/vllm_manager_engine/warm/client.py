"""How a supervisor gets a warm engine: it asks its node's warmer, and waits where that pays."""

import asyncio
import contextlib
import json
import os
import resource
import socket
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vllm_manager_engine.process import EngineProcess, OnOutput
from vllm_manager_engine.warm import fingerprint, wire
from vllm_manager_engine.warm.wire import Message

# A cold start takes longer than a warmer's return, an import and a warm start together; and beside
# the import it would take longer still.
APPEAR_SECONDS = 15.0
COMING_SECONDS = 120.0
WAIT_SECONDS = 300.0
QUIET_SECONDS = 90.0
_LOOK_SECONDS = 0.05
_ASK_SECONDS = 1.0
_TELL_SECONDS = 0.5
_LIMITS = ("RLIMIT_NOFILE", "RLIMIT_CORE", "RLIMIT_AS", "RLIMIT_MEMLOCK", "RLIMIT_STACK")

# How long a warmer that is not there is worth waiting for, in seconds since the waiting began.
Prospect = Callable[[], Awaitable[float]]


async def usual() -> float:
    """Return how long to wait where nothing is known of the warmer but that there should be one."""
    return APPEAR_SECONDS


@dataclass(slots=True)
class Wait:
    """How long one start waits for warmth, and what that came to."""

    prospect: Prospect = usual
    most_seconds: float = WAIT_SECONDS
    quiet_seconds: float = QUIET_SECONDS
    """The most without a sign of progress while a spare is prepared."""
    tell: Callable[[str], object] = str
    """Hears what is waited for, in words for people."""
    _what: str | None = None
    _since: float = 0.0

    def begin(self, what: str, detail: str = "") -> None:
        """Note that from now on, or still, `what` is waited for."""
        if self._what is None:
            self._since = time.monotonic()
        self._what = what
        self.tell(f"Waiting for {what}{detail}")

    def came_to(self) -> str | None:
        """Return how long was waited until now, for people; None: not at all."""
        if self._what is None:
            return None
        return f"waited {time.monotonic() - self._since:.1f} s for {self._what}"


class NotWarm(Exception):
    """There is no warm engine to be had; the text says why, for people."""


class _Away(NotWarm):
    """The warmer is not there now, but may come."""


class _Socket:
    """The lease of an engine that was handed over."""

    def __init__(self, replica: socket.socket) -> None:
        self._replica: socket.socket | None = replica

    def order(self, letter: bytes) -> None:
        if self._replica is not None:
            with contextlib.suppress(OSError):
                self._replica.send(letter)

    def close(self) -> None:
        if self._replica is not None:
            with contextlib.suppress(OSError):
                self._replica.shutdown(socket.SHUT_WR)
            self._replica.close()
            self._replica = None

    def collect(self) -> None:
        """The guard is the spare's child, not ours."""


async def launch(
    place: Path,
    engine: str,
    command: Sequence[str],
    environment: Mapping[str, str],
    output: OnOutput,
    wait: Wait | None = None,
) -> EngineProcess:
    """Have `command` (`python -m module arguments…`) run by a process that has imported `engine`.

    Raises:
        NotWarm: it can't be had, or not in time.
    """
    wait = wait or Wait()
    request = await asyncio.to_thread(_request, engine, command, environment)
    try:
        async with asyncio.timeout(wait.most_seconds):
            replica = await _connect(place, wait)
            return await _handed_over(replica, request, output, wait)
    except TimeoutError:
        raise NotWarm(f"no spare was ready within {wait.most_seconds:g} s") from None
    except (OSError, wire.WireError) as error:
        raise NotWarm(f"the warmer was restarting ({error})") from None


async def _connect(place: Path, wait: Wait) -> socket.socket:
    """Return a connection to the warmer as soon as there is one.

    Raises:
        NotWarm: it did not come, or is not worth waiting for any longer.
    """
    began = time.monotonic()
    ask_at, until = began, began
    while True:
        try:
            return connect(place)
        except _Away as error:
            now = time.monotonic()
            if now >= ask_at:
                until, ask_at = began + await wait.prospect(), now + _ASK_SECONDS
            if now >= until:
                raise NotWarm(str(error)) from None
        wait.begin("this node's warmer")
        await asyncio.sleep(_LOOK_SECONDS)


def connect(place: Path) -> socket.socket:
    """Return a connection to the warmer of this node.

    Raises:
        NotWarm: there is none.
    """
    replica = socket.socket(socket.AF_UNIX)
    try:
        if place.exists() and not wire.is_private(place.parent):
            raise NotWarm(f"{place.parent} is open to others")
        replica.setblocking(False)  # a warmer that is stopped must not stop its callers
        replica.connect(str(place))
    except ConnectionRefusedError:
        replica.close()
        raise _Away("the warmer was restarting") from None
    except OSError:
        replica.close()
        raise _Away("this node has no warmer") from None
    except BaseException:
        replica.close()
        raise
    return replica


def _request(engine: str, command: Sequence[str], environment: Mapping[str, str]) -> Message:
    try:
        folder = os.getcwd()
    except FileNotFoundError:
        raise NotWarm("the replica's working directory is gone") from None
    return {
        "ask": "engine",
        "engine": engine,
        "module": command[2],
        "arguments": list(command[3:]),
        "environment": dict(environment),
        "folder": folder,
        "limits": {name: list(resource.getrlimit(getattr(resource, name))) for name in _LIMITS},
        "made_of": fingerprint.installed(),
    }


async def _handed_over(
    replica: socket.socket, request: Message, output: OnOutput, wait: Wait
) -> EngineProcess:
    (out, out_write), (err, err_write) = os.pipe(), os.pipe()
    kept = [out, err]
    try:
        try:
            replica.setblocking(True)
            replica.settimeout(5)
            await asyncio.to_thread(wire.send, replica, request, (out_write, err_write))
            replica.setblocking(False)
        finally:
            os.close(out_write)
            os.close(err_write)
        guard_pid, said = await _until_forked(replica, wait)
        kept.append(os.dup(replica.fileno()))
    except BaseException:
        replica.close()
        for descriptor in kept:
            os.close(descriptor)
        raise
    return await EngineProcess.take_over(
        guard_pid, _Socket(replica), kept[2], (out, err), output, said
    )


async def _until_forked(replica: socket.socket, wait: Wait) -> tuple[int, bytes]:
    """Read what warmer and spare say until the engine runs; return the guard's pid and the rest."""
    said, guard_pid = b"", None
    while True:
        said += await _heard(replica, wait, guard_pid)
        while b"\n" in said:
            line, _, rest = said.partition(b"\n")
            message = json.loads(line)
            if "refused" in message:
                raise NotWarm(message["refused"])
            if "preparing" in message:
                wait.begin("the spare", f", which has imported {message['preparing']} modules")
            guard_pid = message.get("guard_pid", guard_pid)
            if "engine_pid" in message and guard_pid is not None:
                return guard_pid, said
            said = rest


async def _heard(replica: socket.socket, wait: Wait, guard_pid: int | None) -> bytes:
    try:
        async with asyncio.timeout(wait.quiet_seconds):
            data = await asyncio.get_running_loop().sock_recv(replica, 4096)
    except TimeoutError:
        raise NotWarm(f"the spare made no progress for {wait.quiet_seconds:g} s") from None
    if not data:
        raise NotWarm(_left(guard_pid))
    return data


def _left(guard_pid: int | None) -> str:
    if guard_pid is None:
        return "the warmer was restarting"
    return "the spare died in mid hand-over"


@contextlib.asynccontextmanager
async def starting(place: Path | None) -> AsyncGenerator[None]:
    """Tell the warmer that an engine is being started here, so that it leaves the CPU to it.

    A warmer that comes meanwhile is told as well.
    """
    if place is None:
        yield
        return
    telling = asyncio.create_task(_tell_of_start(place))
    try:
        yield
    finally:
        telling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await telling


async def _tell_of_start(place: Path) -> None:
    while True:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as told:
            told.setblocking(False)
            told.connect(str(place))
            wire.send(told, {"ask": "starting"})
            await asyncio.get_running_loop().sock_recv(told, 1)  # its end is the warmer's end
        await asyncio.sleep(_TELL_SECONDS)


async def status(place: Path) -> Message:
    """Return what the warmer says about itself.

    Raises:
        NotWarm: there is none, or it does not answer.
    """
    peer = connect(place)
    try:
        peer.settimeout(5)
        await asyncio.to_thread(wire.send, peer, {"ask": "status"})
        return (await asyncio.to_thread(wire.receive, peer))[0]
    except (OSError, wire.WireError) as error:
        raise NotWarm(f"the warmer does not answer ({error})") from None
    finally:
        peer.close()
