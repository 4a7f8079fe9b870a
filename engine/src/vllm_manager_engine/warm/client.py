"""How a supervisor gets a warm engine: it asks the warmer of its node, and does not wait long."""

import asyncio
import contextlib
import json
import os
import resource
import socket
import time
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path

from vllm_manager_engine.process import EngineProcess, OnOutput
from vllm_manager_engine.warm import fingerprint, wire
from vllm_manager_engine.warm.wire import Message

# Preparing a spare takes less than a third of a cold start, which imports the same three times.
WAIT_SECONDS = 60.0
# A warmer that was just asked for, or that is being restarted, is there within seconds.
_APPEAR_SECONDS = 4.0
_LOOK_SECONDS = 0.05
_LIMITS = ("RLIMIT_NOFILE", "RLIMIT_CORE", "RLIMIT_AS", "RLIMIT_MEMLOCK", "RLIMIT_STACK")


class NotWarm(Exception):
    """There is no warm engine to be had; the text says why, for people."""


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
    wait_seconds: float = WAIT_SECONDS,
) -> EngineProcess:
    """Have `command` (`python -m module arguments…`) run by a process that has imported `engine`.

    Raises:
        NotWarm: it can't be had, or not in time.
    """
    request = await asyncio.to_thread(_request, engine, command, environment)
    replica = await connect(place)
    try:
        async with asyncio.timeout(wait_seconds):
            return await _handed_over(replica, request, output)
    except TimeoutError:
        raise NotWarm(f"no spare was ready within {wait_seconds:g} s") from None
    except (OSError, wire.WireError) as error:
        raise NotWarm(f"the warmer was restarting ({error})") from None


async def connect(place: Path, appear_seconds: float = _APPEAR_SECONDS) -> socket.socket:
    """Return a connection to the warmer of this node.

    Raises:
        NotWarm: there is none.
    """
    deadline = time.monotonic() + appear_seconds
    while True:
        replica = socket.socket(socket.AF_UNIX)
        try:
            _meet(replica, place)
        except OSError as error:
            replica.close()
            if time.monotonic() > deadline:
                refused = isinstance(error, ConnectionRefusedError)
                why = "the warmer was restarting" if refused else "this node has no warmer"
                raise NotWarm(why) from None
            await asyncio.sleep(_LOOK_SECONDS)
        except BaseException:
            replica.close()
            raise
        else:
            replica.setblocking(False)
            return replica


def _meet(replica: socket.socket, place: Path) -> None:
    if place.exists() and not wire.is_private(place.parent):
        raise NotWarm(f"{place.parent} is open to others")
    replica.connect(str(place))


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


async def _handed_over(replica: socket.socket, request: Message, output: OnOutput) -> EngineProcess:
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
        guard_pid, said = await _until_forked(replica)
        kept.append(os.dup(replica.fileno()))
    except BaseException:
        replica.close()
        for descriptor in kept:
            os.close(descriptor)
        raise
    return await EngineProcess.take_over(
        guard_pid, _Socket(replica), kept[2], (out, err), output, said
    )


async def _until_forked(replica: socket.socket) -> tuple[int, bytes]:
    """Read what the spare says until the engine runs; return the guard's pid and the rest."""
    loop = asyncio.get_running_loop()
    said, guard_pid = b"", None
    while True:
        data = await loop.sock_recv(replica, 4096)
        if not data:
            raise NotWarm(_left(guard_pid))
        said += data
        *lines, _ = said.split(b"\n")
        for message in map(json.loads, lines):
            if "refused" in message:
                raise NotWarm(message["refused"])
            guard_pid = message.get("guard_pid", guard_pid)
            if "engine_pid" in message and guard_pid is not None:
                return guard_pid, said[said.index(b"\n") + 1 :]


def _left(guard_pid: int | None) -> str:
    if guard_pid is None:
        return "the warmer was restarting"
    return "the spare died in mid hand-over"


@contextlib.contextmanager
def starting(place: Path | None) -> Generator[None]:
    """Tell the warmer that an engine is being started here, so that it leaves the CPU to it."""
    with contextlib.ExitStack() as stack:
        if place is not None:
            with contextlib.suppress(OSError):
                told = stack.enter_context(socket.socket(socket.AF_UNIX))
                told.settimeout(0.5)
                told.connect(str(place))
                wire.send(told, {"ask": "starting"})
        yield


async def status(place: Path) -> Message:
    """Return what the warmer says about itself.

    Raises:
        NotWarm: there is none, or it does not answer.
    """
    peer = await connect(place, 0)
    try:
        peer.settimeout(5)
        await asyncio.to_thread(wire.send, peer, {"ask": "status"})
        return (await asyncio.to_thread(wire.receive, peer))[0]
    except (OSError, wire.WireError) as error:
        raise NotWarm(f"the warmer does not answer ({error})") from None
    finally:
        peer.close()
