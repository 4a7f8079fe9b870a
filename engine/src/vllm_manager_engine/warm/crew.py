"""One spare as the warmer sees it: started, listened to, given work, ended."""

import asyncio
import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from vllm_manager_engine.warm import wire
from vllm_manager_engine.warm.preload import THREADLESS, preloaded_libraries
from vllm_manager_engine.warm.wire import Message

_LOW_PRIORITY = 19
_LONG_SECONDS = 120.0
_LEAVE_SECONDS = 5.0
_TAKE_SECONDS = 5
_CAP_SYS_NICE = 1 << 23


class SpareProcess:
    """`state` is `preparing`, `ready`, or `failed`; `on_change` is called when it changes."""

    def __init__(self, engine: str, environment: Mapping[str, str], on_change: Callable[[], None]):
        ours, theirs = socket.socketpair()
        # A spare that takes nothing must not hold up the warmer.
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", _TAKE_SECONDS, 0))
        self.state = "preparing"
        self.reason: str | None = None
        self.since = time.monotonic()
        self.forked = 0
        self.imported = 0
        self.was_ready = False
        self._paused = False
        self._moved = self.since
        self._on_change = on_change
        self._control = ours
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", f"{__package__}.spare", str(theirs.fileno()), engine],
                env={**environment, **THREADLESS, **preloaded_libraries(engine)},
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                # A group of its own in the warmer's session: so the kernel ends it should the
                # warmer die while it is stopped, since its group is orphaned then.
                process_group=0,
            )
        self.pid = self._process.pid
        self._listening = asyncio.create_task(self._listen())

    @property
    def served_long(self) -> bool:
        """Whether it lived so long that its end is no sign of a fault in making it."""
        return time.monotonic() - self.since > _LONG_SECONDS

    @property
    def quiet_seconds(self) -> float:
        """Seconds without progress of its preparation, those not counted in which it is stopped."""
        still = self.state != "preparing" or self._paused
        return 0.0 if still else time.monotonic() - self._moved

    def prefer_others(self, others: bool) -> None:
        """Let other processes go first, or no longer, where that can be taken back."""
        if self.state == "preparing" and may_take_back():
            own = os.getpriority(os.PRIO_PROCESS, 0)
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, self.pid, _LOW_PRIORITY if others else own)

    def pause(self, pause: bool) -> None:
        """Stop the preparation, or let it go on."""
        if self.state == "preparing" and pause != self._paused:
            self._paused, self._moved = pause, time.monotonic()
            self._process.send_signal(signal.SIGSTOP if pause else signal.SIGCONT)

    async def hand_over(self, request: Message, descriptors: list[int]) -> None:
        """Pass a request on; the spare answers the replica itself.

        Raises:
            OSError: the spare is gone, or takes nothing.
        """
        await asyncio.to_thread(wire.send, self._control, request, descriptors)

    def fail(self, reason: str) -> None:
        """Give this spare up."""
        if self.state != "failed":
            self.state, self.reason = "failed", reason
            self._process.kill()
            self._on_change()

    def _retire(self, reason: str) -> None:
        """Give this spare up, but let it finish the answer that it is about to give."""
        self.state, self.reason = "failed", reason
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_WR)

    async def end(self) -> None:
        """End the process and wait for its end. What it forked lives on."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            if self.state == "failed":
                await asyncio.to_thread(self._process.wait, _LEAVE_SECONDS)
        self._process.kill()
        await self._listening
        await asyncio.to_thread(self._process.wait)

    def figures(self) -> dict[str, Any]:
        """Return what the spare holds, in bytes; None where it can't be read."""
        resident, anonymous = memory(self.pid)
        return {
            "pid": self.pid,
            "state": self.state,
            "reason": self.reason,
            "resident_bytes": resident,
            "anonymous_bytes": anonymous,
            "age_seconds": round(time.monotonic() - self.since, 1),
            "engines_forked": self.forked,
        }

    async def _listen(self) -> None:
        with self._control:
            while True:
                try:
                    message, _ = await asyncio.to_thread(wire.receive, self._control)
                except (wire.WireError, OSError):
                    return self._ended()
                self._take_in(message)

    def _take_in(self, message: Message) -> None:
        if "ready" in message:
            self.prefer_others(False)
            self.state, self.was_ready = "ready", True
        elif "imported" in message:
            self.imported, self._moved = self.imported + 1, time.monotonic()
        elif "forked" in message:
            self.forked += 1
        elif "stale" in message:
            self._retire(f"the installation changed ({message['stale']})")
        elif "unfit" in message:
            self._retire(f"it can't be forked: {message['unfit']}")
        self._on_change()

    def _ended(self) -> None:
        if self.state != "failed":
            self.state, self.reason = "failed", "its process ended"
            self._on_change()


def memory(pid: int) -> tuple[int | None, int | None]:
    """Return the resident and the anonymous memory of a process in bytes; None if unknown."""
    try:
        with open(f"/proc/{pid}/status") as file:
            fields = dict(line.split(":", 1) for line in file if ":" in line)
        return _bytes(fields["VmRSS"]), _bytes(fields["RssAnon"])
    except (OSError, KeyError, ValueError):
        return None, None


def _bytes(text: str) -> int:
    return int(text.split()[0]) * 1024


def may_take_back() -> bool:
    """Say whether a raised niceness may be lowered again: else an engine would inherit it."""
    try:
        with open("/proc/self/status") as file:
            held = next(line.split()[1] for line in file if line.startswith("CapEff:"))
        return bool(int(held, 16) & _CAP_SYS_NICE)
    except (OSError, StopIteration, ValueError):
        return False
