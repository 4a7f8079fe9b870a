"""The hub in a process of its own, for tests and benchmarks that must not share theirs with it."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.hub.faults import Fault

TESTS = Path(__file__).parents[2]


@dataclass(frozen=True)
class HubProcess:
    """A running hub; faults are switched and requests read over HTTP."""

    url: str
    pid: int

    def add(self, fault: Fault) -> None:
        self._control("POST", "faults", fault.to_json())

    def clear(self) -> None:
        """Take all faults away."""
        self._control("DELETE", "faults")

    def requests(self) -> list[dict[str, Any]]:
        """Return what was asked so far: method, path, headers, status, sent_bytes."""
        return json.loads(self._control("GET", "requests"))

    def _control(self, method: str, what: str, body: bytes | None = None) -> bytes:
        address = f"{self.url}/_control/{what}"
        asked = urllib.request.Request(address, body, method=method)
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return answer.read()


@contextmanager
def hub_process(*words: str) -> Generator[HubProcess]:
    """Run `python -m support.hub WORDS…` on a free port, until the block ends."""
    child = subprocess.Popen(
        [sys.executable, "-m", "support.hub", *words],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    try:
        url = child.stdout.readline().strip()
        assert url, "the hub did not start"
        yield HubProcess(url, child.pid)
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait(30)
        child.stdout.close()
