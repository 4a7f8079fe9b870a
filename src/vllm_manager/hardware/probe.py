"""What a probe of the hardware is and finds, and one part of a machine read within a time limit."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from vllm_manager.hardware.schemas import Gpu, GpuDriver, GpuLink, Host, ProbeProblem

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class ProbeFailure(Exception):
    """A probe could not read its part of the machine. `code` is stable, `detail` is for people."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class HostFound:
    """The machine without its GPUs, and what of it could not be read."""

    host: Host
    problems: Sequence[ProbeProblem] = ()


@dataclass(frozen=True, slots=True)
class GpusFound:
    """GPUs, how they are joined, and what went wrong with single ones."""

    gpus: Sequence[Gpu] = ()
    links: Sequence[GpuLink] = ()
    driver: GpuDriver | None = None
    problems: Sequence[ProbeProblem] = field(default=())


class Probe(Protocol[T_co]):
    """Reads one part of the machine. Called in a thread of its own; it may block."""

    @property
    def name(self) -> str:
        """What problems call it."""
        ...

    def read(self) -> T_co:
        """Return what there is now.

        Raises:
            ProbeFailure: nothing of this part can be read; another exception counts as one, too.
        """
        ...


class Timed(Generic[T]):
    """Runs a probe in a thread, one at a time, and waits for it no longer than a limit.

    A call into a driver that hangs can't be ended. Its thread stays, is a daemon so that the
    process can still end, and no second one is started beside it.
    """

    def __init__(self, probe: Probe[T], limit_seconds: float) -> None:
        self.name = probe.name
        self._probe = probe
        self._limit_seconds = limit_seconds
        self._running: asyncio.Future[T] | None = None

    async def read(self) -> T:
        """Return what the probe finds.

        Raises:
            ProbeFailure: it failed (`probe_failed`, or its own code), or took too long (`timeout`).
        """
        running = self._running
        if running is None or running.done():
            running = self._running = _in_thread(self._probe.read, f"probe:{self.name}")
        done, _ = await asyncio.wait([running], timeout=self._limit_seconds)
        if not done:
            raise ProbeFailure(
                "timeout",
                f"Reading {self.name} takes longer than {self._limit_seconds:g} s. "
                "It is shown again as soon as it answers.",
            )
        try:
            return running.result()
        except ProbeFailure:
            raise
        except Exception as error:
            detail = f"Reading {self.name} failed: {type(error).__name__}: {error}"
            raise ProbeFailure("probe_failed", detail) from error


def _in_thread(read: Callable[[], T], name: str) -> asyncio.Future[T]:
    """Call `read` in a daemon thread; the loop's own executor would be waited for at the end."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(outcome: T | BaseException) -> None:
        if future.done():
            return
        if isinstance(outcome, BaseException):
            future.set_exception(outcome)
            future.exception()  # retrieved: a late failure that nobody awaits is no news
        else:
            future.set_result(outcome)

    def run() -> None:
        try:
            outcome: T | BaseException = read()
        except BaseException as error:
            outcome = error
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, outcome)

    threading.Thread(target=run, name=name, daemon=True).start()
    return future
