"""Takes orders as lines of JSON on standard input, tells how they go on standard output.

Its parent's end of the pipe is its lease: when that closes, this process ends at once. Tokens come
through the pipe alone, never in arguments or the environment.
"""

import json
import os
import sys
import threading
from typing import Any

from vllm_manager.downloads.worker.addresses import Addresses
from vllm_manager.downloads.worker.job import Job, Order
from vllm_manager.downloads.worker.limiter import Limiter
from vllm_manager.kit import logs

_NICENESS = 10
"""The control plane and the gateway go first where there are few cores."""


class Worker:
    """The jobs of this process."""

    def __init__(self) -> None:
        self._limiter = Limiter()
        self._jobs: dict[str, Job] = {}
        self._writing = threading.Lock()

    def obey(self, told: dict[str, Any]) -> None:
        """Do what one line says."""
        verb = told["do"]
        if verb == "limit":
            self._limiter.set(told["bytes_per_second"])
        elif verb == "start":
            order = Order.of(told)
            resolve = Addresses(order.endpoint, order.trusted).resolve
            job = Job(order, self.say, self._limiter, resolve)
            self._jobs[order.id] = job
            job.start()
        elif verb == "stop" and told["id"] in self._jobs:
            self._jobs[told["id"]].stop()

    def say(self, told: dict[str, Any]) -> None:
        """Write one line; nobody there to read it is the end."""
        if told["event"] == "end":
            self._jobs.pop(told["id"], None)
        line = json.dumps(told, separators=(",", ":")).encode() + b"\n"
        with self._writing:
            try:
                sys.stdout.buffer.write(line)
                sys.stdout.buffer.flush()
            except OSError:
                os._exit(0)


def main() -> None:
    """Work until standard input ends."""
    logs.configure("downloads", "info")
    logs.tell_uncaught()
    os.nice(_NICENESS)
    worker = Worker()
    for line in sys.stdin.buffer:
        worker.obey(json.loads(line))
    os._exit(0)  # threads may be in the middle of a read; what they wrote is accounted for


if __name__ == "__main__":
    main()
