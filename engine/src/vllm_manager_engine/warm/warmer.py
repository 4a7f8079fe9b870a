"""The warmer of a node: a small process that keeps spares and passes requests for engines to them.

    python -m vllm_manager_engine.warm JSON

JSON is a `Plan`. Standard input is the lease: at its end the warmer ends, and its spares with it.
Engines that were handed over belong to their replicas and live on.

On the socket, a message asks for an `engine` (with two descriptors for its output; the spare
answers on the same connection, which then is the engine's lease), for the `status`, or says that
the sender is `starting` an engine and will be until it closes the connection: as long as anybody
is, no spare is prepared beside it, and one whose preparation has begun stands still, unless a start
waits for it. Who waits is told how far the preparation is.
"""

import asyncio
import contextlib
import json
import os
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vllm_manager_engine.warm import room, wire
from vllm_manager_engine.warm.crew import SpareProcess
from vllm_manager_engine.warm.wire import Message

_REQUEST_SECONDS = 5.0
_RETRY_SECONDS = 600.0
_LOOK_SECONDS = 30.0
_DEFER_SECONDS = 120.0
_WORTH_SECONDS = 5.0
_DEFERRED = "an engine is being started; a spare is prepared after it"
_BACKLOG = 64


@dataclass(frozen=True, slots=True)
class Plan:
    """What one warmer is to hold."""

    socket: str
    engine: str = "vllm"
    spares: int = 1
    memory_bytes: int | None = None
    """The most that all spares together may hold."""
    hung_seconds: float = 600.0
    """The most that a preparation may stand still."""


@dataclass(slots=True)
class _Waiting:
    """A replica that asked for an engine before a spare was ready."""

    replica: socket.socket
    request: Message
    descriptors: list[int]
    told: int | None = None

    def close(self) -> None:
        self.replica.close()
        for descriptor in self.descriptors:
            os.close(descriptor)

    def refuse(self, reason: str) -> None:
        with contextlib.suppress(OSError):
            self.replica.send(json.dumps({"refused": reason}).encode() + b"\n")
        self.close()

    def tell(self, imported: int) -> None:
        """Say how far the spare is."""
        if imported != self.told:
            self.told = imported
            with contextlib.suppress(OSError):
                self.replica.send(json.dumps({"preparing": imported}).encode() + b"\n")

    def is_gone(self) -> bool:
        """Say whether the replica gave up meanwhile."""
        try:
            return self.replica.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True


class Warmer:
    """Keeps `plan.spares` spares as long as there is room for them."""

    def __init__(self, plan: Plan, environment: Mapping[str, str]) -> None:
        self._plan = plan
        self._environment = environment
        self._spares: list[SpareProcess] = []
        self._waiting: list[_Waiting] = []
        self._starting = 0
        self._reason: str | None = None
        self._failures = 0
        self._retry_at = time.monotonic()
        self._refused = 0
        self._handed_over = 0
        self._stirred = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, listener: socket.socket) -> None:
        """Serve until cancelled."""
        keeping = asyncio.create_task(self._keep())
        accepting = asyncio.create_task(self._accept(listener))
        try:
            await asyncio.gather(keeping, accepting)
        finally:
            keeping.cancel()
            accepting.cancel()
            for waiting in self._waiting:
                waiting.refuse("the warmer is ending")
            for spare in self._spares:
                await spare.end()

    def status(self) -> dict[str, Any]:
        """Return what is held now, for people."""
        return {
            "engine": self._plan.engine,
            "wanted": self._plan.spares,
            "pid": os.getpid(),
            "reason": self._reason,
            "starting": self._starting,
            "waiting": len(self._waiting),
            "refused": self._refused,
            "handed_over": self._handed_over,
            "spares": [spare.figures() for spare in self._spares],
        }

    # Keeping spares

    async def _keep(self) -> None:
        while True:
            self._stirred.clear()
            await self._discard()
            self._shrink()
            pause = self._prepare()
            self._give_way()
            await self._serve()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stirred.wait(), pause)

    async def _discard(self) -> None:
        """Drop spares that failed; the next one is made later after each failure."""
        for spare in self._spares:
            if spare.quiet_seconds > self._plan.hung_seconds:
                spare.fail(f"its preparation stood still for {self._plan.hung_seconds:g} s")
        for spare in [s for s in self._spares if s.state == "failed"]:
            self._spares.remove(spare)
            await spare.end()
            self._reason = f"the last spare was discarded: {spare.reason}"
            self._failures = 1 if spare.served_long else self._failures + 1
            self._retry_at = time.monotonic() + min(_RETRY_SECONDS, 0.5 * 2**self._failures)
            if not spare.was_ready:
                self._refuse_all()  # the next one would hardly fare better

    def _shrink(self) -> None:
        """Discard a spare where all of them hold more than they may."""
        limit = self._plan.memory_bytes
        held = sum(spare.figures()["resident_bytes"] or 0 for spare in self._spares)
        if limit is not None and held > limit and self._spares:
            self._spares[-1].fail(f"spares hold {held} bytes, more than {limit}")

    def _prepare(self) -> float:
        """Start a spare if one is missing and may be started; return when to look again."""
        if len(self._spares) >= self._plan.spares:
            if self._is_ready():
                self._reason = None
            elif self._must_yield():
                self._reason = _DEFERRED
            return min(_LOOK_SECONDS, self._plan.hung_seconds)
        pause = self._retry_at - time.monotonic()
        if pause > 0:
            return pause
        obstacle = room.absence(self._plan.engine) or room.shortage(self._plan.memory_bytes)
        if obstacle is not None:
            self._reason = obstacle
            return _LOOK_SECONDS
        if self._must_yield():
            self._reason = _DEFERRED
            return _DEFER_SECONDS
        self._spares.append(SpareProcess(self._plan.engine, self._environment, self._stirred.set))
        return min(_LOOK_SECONDS, self._plan.hung_seconds)

    def _must_yield(self) -> bool:
        """Say whether an engine is being started that waits for no spare."""
        return self._starting > 0 and not self._waiting

    def _give_way(self) -> None:
        """Let whoever starts an engine go before what is prepared, and hear how far that is."""
        preparing = [spare for spare in self._spares if spare.state == "preparing"]
        for spare in preparing:
            spare.prefer_others(not self._waiting)
            spare.pause(spare is not preparing[0] if self._waiting else self._starting > 0)
        if not self._is_ready() and (preparing or self._is_coming()):
            for waiting in self._waiting:
                waiting.tell(preparing[0].imported if preparing else 0)

    def _is_coming(self) -> bool:
        """Say whether the preparation of a spare will begin soon enough to be waited for."""
        return 0 < self._retry_at - time.monotonic() < _WORTH_SECONDS

    def _is_ready(self) -> bool:
        return any(spare.state == "ready" for spare in self._spares)

    # Requests

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            peer, _ = await loop.sock_accept(listener)
            task = asyncio.create_task(self._meet(peer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _meet(self, peer: socket.socket) -> None:
        peer.settimeout(_REQUEST_SECONDS)
        try:
            request, descriptors = await asyncio.to_thread(wire.receive, peer)
        except (wire.WireError, OSError):
            return peer.close()
        asked = request.get("ask")
        peer.setblocking(False)
        if asked == "engine":
            return self._take(_Waiting(peer, request, descriptors))
        for descriptor in descriptors:
            os.close(descriptor)
        if asked == "starting":
            await self._count(peer)
        else:
            with contextlib.suppress(OSError):
                wire.send(peer, self.status())  # small: it fits into the socket's buffer
        return peer.close()

    def _take(self, waiting: _Waiting) -> None:
        if waiting.request.get("engine") != self._plan.engine:
            self._refused += 1
            return waiting.refuse(f"spares are kept for {self._plan.engine} only")
        self._waiting.append(waiting)
        return self._stirred.set()

    async def _count(self, peer: socket.socket) -> None:
        self._starting += 1
        self._stirred.set()
        try:
            with contextlib.suppress(OSError):
                await asyncio.get_running_loop().sock_recv(peer, 1)
        finally:
            self._starting -= 1
            self._stirred.set()

    async def _serve(self) -> None:
        """Hand those who wait to a spare, or tell them why there will be none."""
        for waiting in [w for w in self._waiting if w.is_gone()]:
            self._waiting.remove(waiting)
            waiting.close()
        if not self._spares and not self._is_coming():
            self._refuse_all()
        ready = [spare for spare in self._spares if spare.state == "ready"]
        if not ready:
            return None
        while self._waiting:
            waiting = self._waiting.pop(0)
            spare = min(ready, key=lambda s: s.forked)
            try:
                descriptors = [waiting.replica.fileno(), *waiting.descriptors]
                await spare.hand_over(waiting.request, descriptors)
            except OSError:  # it died before it heard of it: the next one is waited for
                self._waiting.insert(0, waiting)
                return spare.fail("its process ended")
            waiting.close()
            self._handed_over += 1
        return None

    def _refuse_all(self) -> None:
        self._refused += len(self._waiting)
        for waiting in self._waiting:
            waiting.refuse(self._reason or "the warmer holds no spare")
        self._waiting.clear()


def listen(path: Path) -> socket.socket:
    """Return a listening socket of mode 0600 at `path`, in the place of one that nobody serves.

    Raises:
        WireError: its folder is not private.
        OSError: it can't be made.
    """
    wire.make_folder(path.parent)
    _sweep(path.parent)
    listener = socket.socket(socket.AF_UNIX)
    made = path.with_suffix(f".{os.getpid()}")
    made.unlink(missing_ok=True)
    before = os.umask(0o177)
    try:
        listener.bind(str(made))
    finally:
        os.umask(before)
    listener.listen(_BACKLOG)
    listener.setblocking(False)
    made.rename(path)  # nobody ever meets a socket that does not listen yet
    return listener


def _sweep(folder: Path) -> None:
    """Remove sockets that warmers of clusters long gone left behind."""
    for path in folder.glob("*.sock"):
        with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(OSError):
            probe.settimeout(1)
            try:
                probe.connect(str(path))
            except ConnectionRefusedError:
                path.unlink(missing_ok=True)


async def serve(plan: Plan, environment: Mapping[str, str], lease: int) -> None:
    """Be the warmer until `lease`, a descriptor, is at its end."""
    listener = listen(Path(plan.socket))
    own = os.stat(plan.socket)
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(lease, _read_lease(lease, ended.set))
    warming = asyncio.create_task(Warmer(plan, environment).run(listener))
    ending = asyncio.create_task(ended.wait())
    try:
        await asyncio.wait((warming, ending), return_when=asyncio.FIRST_COMPLETED)
    finally:
        loop.remove_reader(lease)
        warming.cancel()
        with contextlib.suppress(OSError):
            # Not the socket of a successor.
            if os.path.samestat(os.stat(plan.socket), own):
                os.unlink(plan.socket)
        listener.close()
        with contextlib.suppress(asyncio.CancelledError):
            await warming


def _read_lease(lease: int, end: Callable[[], None]) -> Callable[[], None]:
    def read() -> None:
        if not os.read(lease, 4096):
            end()

    return read
