"""Tells the control plane, again and again, the whole state of this replica."""

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vllm_manager_engine.http_client import HttpError, request

log = logging.getLogger(__name__)

TOKEN_PATH_VARIABLE = "VLLM_MANAGER_REPORT_TOKEN_PATH"  # noqa: S105 (names a file)
REPORT_PATH = "/internal/v1/reports"
LINES_PER_REPORT = 500
_TIMEOUT_SECONDS = 5.0

# (sequence, number of the first log line wanted) → the report
Compose = Callable[[int, int], dict[str, Any]]


class Reporter:
    """Posts reports from a task of its own; nothing ever waits for the control plane but `flush`.

    `interval_seconds` is asked before each pause, so it may depend on the phase.
    """

    def __init__(
        self, url: str | None, compose: Compose, interval_seconds: Callable[[], float]
    ) -> None:
        self._url = url
        self._compose = compose
        self._interval_seconds = interval_seconds
        self._sequence = 0
        self.log_next = 1
        """The number of the line that the control plane wants next."""
        self._wake = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._complained = False

    def start(self) -> None:
        if self._url is not None and self._task is None:
            self._task = asyncio.create_task(self._run(), name="reports")

    def nudge(self) -> None:
        """Report now rather than after the pause."""
        self._wake.set()

    def has_lines(self, log_next: int) -> None:
        """Report soon where many lines wait; not while nobody takes them."""
        if log_next - self.log_next >= LINES_PER_REPORT // 2 and not self._complained:
            self.nudge()

    async def flush(self, timeout_seconds: float) -> bool:
        """Send the present state at once, and all lines that there are now, in as many reports.

        Returns whether the state was taken; how many lines were is in `log_next`.
        """
        if self._url is None:
            return False
        last: int | None = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                while last is None or self.log_next <= last:
                    before = self.log_next
                    sent = await self._send()
                    if sent is None:
                        break
                    last = sent if last is None else last
                    if self.log_next <= before:  # they can't be kept now: a full disk
                        break
        return last is not None

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            await self._send()
            # Not `wait_for`: Python 3.11's swallows a cancellation that comes with the event.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._interval_seconds()):
                    await self._wake.wait()

    async def _send(self) -> int | None:
        """Report; returns the number of the last line that there was, or None: not taken."""
        async with self._one_at_a_time:
            self._sequence += 1
            report = self._compose(self._sequence, self.log_next)
            try:
                answer = await request(
                    "POST",
                    f"{self._url}{REPORT_PATH}",
                    headers={"Authorization": f"Bearer {token()}"},
                    body=report,
                    timeout_seconds=_TIMEOUT_SECONDS,
                )
                if answer.status != 200:
                    raise HttpError(f"answered {answer.status}")
                wanted = int(answer.json()["log_next"])
            except (HttpError, KeyError, TypeError, ValueError) as error:
                self._complain(error)
                return None
            self._complained = False
            progressed, self.log_next = wanted > self.log_next, wanted
            last = int(report.get("log_last", 0))
            if progressed and wanted <= last:
                self.nudge()
            return last

    def _complain(self, error: Exception) -> None:
        if not self._complained:
            log.warning("The control plane takes no reports at %s: %s", self._url, error)
        self._complained = True


def token() -> str:
    """Return the report token: read each time, since it may be renewed."""
    path = os.environ.get(TOKEN_PATH_VARIABLE)
    try:
        return Path(path).read_text().strip() if path else ""
    except OSError:
        return ""
