"""What vLLM logs of single requests: their ids, but not clients' words, probes, or too much.

With `--enable-log-requests` vLLM names each request that it takes, by the id that the gateway sent.
Here stands what keeps that harmless: the parameters, which may hold a client's texts, are cut down
to numbers; the supervisor's own probes are left out; and so is what is more than a few a second.
"""

import logging
import time
from collections.abc import Callable
from typing import Any

PROBE_ID = "vllm-manager-probe"
"""The request id of the supervisor's own requests."""
LINES_PER_SECOND = 20.0
BURST = 100.0
_LOGGERS = (
    "vllm.entrypoints.serve.utils.request_logger",
    "vllm.entrypoints.logger",  # before 0.30
    "vllm.v1.engine.async_llm",
)
_STARTS = ("Received request", "Added request", "Aborted request", "Request %s")
_NUMBERS = ("n", "max_tokens", "temperature", "top_p", "top_k", "seed")


class RequestLines(logging.Filter):
    """Lets through what is about requests, in bounds; all else as it is."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now = now
        self._at = now()
        self._room = BURST
        self._left_out = 0

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.msg
        if not isinstance(message, str) or not message.startswith(_STARTS):
            return True
        arguments = record.args if isinstance(record.args, tuple) else ()
        if any(isinstance(a, str) and f"-{PROBE_ID}-" in f"{a}-" for a in arguments):
            return False
        if not self._has_room():
            self._left_out += 1
            return False
        record.args = tuple(a if _is_plain(a) else _numbers(a) for a in arguments)
        if self._left_out:
            record.msg = f"{message} ({self._left_out} lines about requests were left out)"
            self._left_out = 0
        return True

    def _has_room(self) -> bool:
        now = self._now()
        self._room = min(BURST, self._room + (now - self._at) * LINES_PER_SECOND)
        self._at = now
        if self._room < 1:
            return False
        self._room -= 1
        return True


def _is_plain(argument: object) -> bool:
    return argument is None or isinstance(argument, str | int | float)


def _numbers(parameters: Any) -> str:
    """Return the members that are numbers, of sampling parameters; of anything else its kind."""
    found = {name: getattr(parameters, name, None) for name in _NUMBERS}
    told = ", ".join(f"{n}={v}" for n, v in found.items() if isinstance(v, int | float))
    return f"{type(parameters).__name__}({told})"


def install() -> None:
    """Put the filter where vLLM logs its requests, once."""
    lines = RequestLines()
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(each, RequestLines) for each in logger.filters):
            logger.addFilter(lines)
