"""Replicas that print: the real ring and reporter of the engine package, without an engine.

Run by `bench/logs.py` with a JSON object on standard input; tells what was printed as JSON.
"""

import asyncio
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "engine" / "src"))

from vllm_manager_engine import report
from vllm_manager_engine.log_lines import LogRing, Output
from vllm_manager_engine.reporter import LINES_PER_REPORT, Reporter

TICK_SECONDS = 0.02
LINE = (
    "(APIServer pid=4711) INFO 11-23 10:00:00 [loggers.py:123] Engine 000: Avg generation "
    "throughput: 512.3 tokens/s, Running: 12 reqs, Waiting: 3 reqs, KV cache usage: 41.2%%, "
    "line %d\n"
)


@dataclass(frozen=True, slots=True)
class Told:
    """What the bench asks for."""

    url: str
    uid: str
    deployment: str
    replicas: int
    lines_per_second: int
    seconds: float


class Replica:
    """One replica: what its engine prints goes the whole way that a real one's goes."""

    def __init__(self, told: Told, number: int) -> None:
        self._told, self._number = told, number
        self.printed = 0
        self._ring = LogRing()
        self._output = Output(self._on_line, _nothing, self._ring.skip)
        self.reporter = Reporter(told.url, self._compose, lambda: 2.0)

    async def run(self) -> None:
        self.reporter.start()
        began = time.monotonic()
        while (now := time.monotonic()) - began < self._told.seconds:
            due = int((now - began) * self._told.lines_per_second) - self.printed
            text = "".join(LINE % (self.printed + n) for n in range(due))
            self._output.feed(text.encode(), now)
            self.printed += due
            await asyncio.sleep(TICK_SECONDS)
        self._output.close()
        await self.reporter.flush(60)
        await self.reporter.stop()

    def _on_line(self, text: str) -> None:
        self._ring.add("stderr", text, "ready")
        self.reporter.has_lines(self._ring.next)

    def _compose(self, sequence: int, wanted: int) -> dict[str, Any]:
        return {
            "deployment": self._told.deployment,
            "uid": self._told.uid,
            "generation": 1,
            "attempt": 1,
            "replica_id": f"replica-{self._number}",
            "incarnation": f"life-{self._told.lines_per_second}-{self._number}",
            "sequence": sequence,
            "node": {"hostname": f"host-{self._number}"},
            "phase": "ready",
            "phase_seconds": 1.0,
            "idle_seconds": 0.0,
            **report.lines(self._ring, wanted, LINES_PER_REPORT),
        }


def _nothing(_text: str) -> None:
    """Redrawn lines are of no interest here."""


async def main() -> None:
    told = Told(**json.loads(sys.stdin.readline()))
    replicas = [Replica(told, number) for number in range(told.replicas)]
    await asyncio.gather(*(replica.run() for replica in replicas))
    print(json.dumps({"printed": sum(replica.printed for replica in replicas)}))


if __name__ == "__main__":
    asyncio.run(main())
