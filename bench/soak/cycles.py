"""Does anything grow when engines start warm and stop again, time after time?

    .venv/bin/python bench/soak/cycles.py [--cycles N] [--engine vllm|fake]

One warmer, N engines after each other: started warm, proved with a token, and ended in turns by a
stop, a SIGKILL of the engine, and the loss of their supervisor. After each, what the warmer and its
spare hold is read, and what is left in the temporary folder and in shared memory. The first cycles
are left out of the comparison: memory that every fork touches once is no growth.
"""

import argparse
import asyncio
import json
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
sys.path[:0] = [str(REPOSITORY / "tests"), str(REPOSITORY / "engine" / "src")]

import psutil

from support.engines import ENVIRONMENT, family, is_alive, replica_spec, until
from support.ray_cluster import ENGINE_PYTHON
from support.warmth import RunningWarmer, start_warmer, stop_warmer
from vllm_manager_engine import leftovers
from vllm_manager_engine.spec import Identity
from vllm_manager_engine.supervisor import Supervisor
from vllm_manager_engine.warm import crew, wire

SETTLED_CYCLES = 6
ENDS = ("stopped", "killed", "abandoned")
BARS = {
    "warmer_anonymous_bytes": 2_000_000,
    "spare_anonymous_bytes": 5_000_000,
    "warmer_descriptors": 0,
    "spare_descriptors": 0,
    "processes": 0,
    "temporary_files": 0,
    "shared_memory_files": 0,
}
"""By how much each may have grown, from the first settled cycles to the last ones."""
_LIMIT_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Held:
    """What is held between two engines."""

    spare_pid: int
    warmer_anonymous_bytes: int
    spare_anonymous_bytes: int
    warmer_descriptors: int
    spare_descriptors: int
    processes: int
    temporary_files: int
    shared_memory_files: int


class Cycles:
    """Engines of one kind, one after the other, from one warmer."""

    def __init__(self, engine: str, running: RunningWarmer, temporary: Path) -> None:
        self._engine = engine
        self._running = running
        self._temporary = temporary
        self._shared: set[str] = set()
        self.held: list[Held] = []
        self.seconds: list[float] = []

    async def run(self, count: int) -> None:
        for number in range(count):
            self.seconds.append(await self._cycle(ENDS[number % len(ENDS)]))
            self.held.append(await self._look())
            if (number + 1) % 10 == 0:
                print(f"{number + 1}: {self.seconds[-1]:.2f} s, {self.held[-1]}", flush=True)

    async def _cycle(self, end: str) -> float:
        """Start an engine and end it in one of the ways; return the seconds of its start."""
        supervisor = Supervisor(
            replica_spec(
                engine=self._engine,
                cpus=1.0,
                environment={"TMPDIR": str(self._temporary)},
                start_deadline_seconds=_LIMIT_SECONDS,
                idle_deadline_seconds=_LIMIT_SECONDS,
            ),
            Identity("cycle"),
            inherited=ENVIRONMENT | {"TMPDIR": str(self._temporary)},
            warmer=self._running.place,
        )
        began = time.monotonic()
        await supervisor.start()
        seconds = time.monotonic() - began
        assert supervisor.how == "warm", supervisor.how_reason
        members = family(supervisor)
        self._shared |= leftovers.segments(members)
        await _end(supervisor, end)
        await until(lambda: not any(map(is_alive, members)), _LIMIT_SECONDS)
        await supervisor.stop()
        return seconds

    async def _look(self) -> Held:
        spare = psutil.Process((await self._running.spare(_LIMIT_SECONDS))["pid"])
        await until(lambda: not spare.children(), _LIMIT_SECONDS)
        warmer = psutil.Process(self._running.process.pid)
        return Held(
            spare.pid,
            crew.memory(warmer.pid)[1] or 0,
            crew.memory(spare.pid)[1] or 0,
            warmer.num_fds(),
            spare.num_fds(),
            len(warmer.children(recursive=True)),
            sum(1 for _ in self._temporary.rglob("*")),
            sum(map(os.path.exists, self._shared)),
        )


async def _end(supervisor: Supervisor, end: str) -> None:
    process = supervisor.process
    assert process is not None
    if end == "killed":
        os.kill(process.engine_pid or 0, signal.SIGKILL)
    elif end == "abandoned":
        supervisor.close()
    else:
        await supervisor.stop()


async def measure(engine: str, cycles: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="vm-", dir="/tmp") as folder:
        inherited = ENVIRONMENT | {"TMPDIR": folder}
        place = wire.address(folder)
        running = await start_warmer(
            place, python=sys.executable, inherited=inherited, engine=engine
        )
        try:
            await running.spare(_LIMIT_SECONDS)
            done = Cycles(engine, running, Path(folder))
            await done.run(cycles)
        finally:
            await stop_warmer(running)
    return {
        "engine": engine,
        "cycles": cycles,
        "growth": growth(done.held),
        "first": asdict(done.held[0]),
        "settled": asdict(done.held[min(SETTLED_CYCLES, cycles) - 1]),
        "last": asdict(done.held[-1]),
        "spares": len({held.spare_pid for held in done.held}),
        "start_median_seconds": {
            "first_ten": statistics.median(done.seconds[:10]),
            "last_ten": statistics.median(done.seconds[-10:]),
        },
        "held": [asdict(held) for held in done.held],
        "start_seconds": done.seconds,
    }


def growth(held: Sequence[Held]) -> dict[str, int]:
    """Return by how much each figure grew, between medians of the first and last settled cycles."""
    settled = held[SETTLED_CYCLES - 1 :] or held
    first, last = settled[: len(ENDS)], settled[-len(ENDS) :]
    return {
        name: int(
            statistics.median(getattr(h, name) for h in last)
            - statistics.median(getattr(h, name) for h in first)
        )
        for name in BARS
    }


def verdicts(found: dict[str, Any]) -> dict[str, bool]:
    """Return which figures stayed within their bar."""
    return {name: found["growth"][name] <= bar for name, bar in BARS.items()} | {
        "one_spare": found["spares"] == 1
    }


def report(found: dict[str, Any]) -> str:
    """Return the table, and which bars are met."""
    words = f"{'over ' + str(found['cycles']) + ' cycles':<26}"
    lines = [words + "".join(f"{w:>14}" for w in ("settled", "last", "grew by", "at most"))]
    met = verdicts(found)
    for name, bar in BARS.items():
        values = (found["settled"][name], found["last"][name], found["growth"][name], bar)
        verdict = "met" if met[name] else "NOT met"
        lines.append(f"{name:<26}" + "".join(f"{v:>14,}" for v in values) + f"  {verdict}")
    starts = found["start_median_seconds"]
    lines.append(f"spares used: {found['spares']}: {'met' if met['one_spare'] else 'NOT met'}")
    lines.append(
        f"warm start: {starts['first_ten']:.2f} s in the first ten, {starts['last_ten']:.2f} s in "
        "the last (medians)"
    )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=200)
    parser.add_argument("--engine", default="vllm", choices=["vllm", "fake"])
    parser.add_argument(
        "--json", type=Path, default=REPOSITORY / "bench" / "results" / "cycles.json"
    )
    options = parser.parse_args()
    if Path(sys.executable) != ENGINE_PYTHON:  # replica and spare are of one installation
        os.execv(ENGINE_PYTHON, [str(ENGINE_PYTHON), *sys.argv])
    found = asyncio.run(measure(options.engine, options.cycles))
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(found, indent=1) + "\n")
    print(f"\n{report(found)}")
    return 0 if all(verdicts(found).values()) else 1


if __name__ == "__main__":
    sys.exit(main())
