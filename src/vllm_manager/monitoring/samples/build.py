"""Puts the samples' part of the room together, and runs it."""

import json
import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vllm_manager.cluster import SeenMachine
from vllm_manager.db import Database, Lease
from vllm_manager.deployments import Report
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.loops import Loop
from vllm_manager.monitoring.samples.archive import Archive
from vllm_manager.monitoring.samples.collectors.engines import EngineFeed
from vllm_manager.monitoring.samples.collectors.machine import Hardware, MachineCollector
from vllm_manager.monitoring.samples.collectors.nodes import NodeFeed
from vllm_manager.monitoring.samples.collectors.processes import Known, ProcessCollector
from vllm_manager.monitoring.samples.history import History
from vllm_manager.monitoring.samples.past import Past
from vllm_manager.monitoring.samples.reading import Board, Collector
from vllm_manager.monitoring.samples.recorder import STEP_SECONDS, Recorder
from vllm_manager.monitoring.samples.rollup import Rollup
from vllm_manager.monitoring.samples.sampler import CollectorFeed, Feed, Sampler
from vllm_manager.monitoring.samples.service import Samples

_WRITE_SECONDS = 10.0
_RAY_SESSION = "worker"
"""The runner's name for what runs below Ray's node: replicas, and Ray's agents."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Whom the samples are asked from."""

    hardware: Hardware
    reports: Callable[[], Sequence[Report]]
    """The newest of each replica."""
    machines: Callable[[], Sequence[SeenMachine]]
    """What nodes said last of themselves."""
    gateways: Callable[[], Mapping[int, int]]
    """The gateway's workers that are alive: their pids by place, which one that takes over has."""
    run_dir: Path
    """Where the steward keeps what it runs."""
    more: Sequence[Collector] = ()
    """What other rooms collect."""


@dataclass(frozen=True, slots=True)
class SamplesRoom:
    """The service to call, the board of what is fresh, and the loops to run beside them."""

    service: Samples
    board: Board
    sampler: Sampler
    rollup: Rollup
    loops: tuple[Loop, ...]

    async def start(self) -> None:
        """Read what an earlier process left, and begin."""
        await self.rollup.restore()
        for loop in self.loops:
            loop.start()

    async def stop(self) -> None:
        """End the loops; what is not written yet is."""
        for loop in self.loops:
            await loop.stop()
        await self.sampler.stop()
        await self.rollup.flush()


def build(
    database: Database,
    lease: Lease,
    sources: Sources,
    clock: Clock,
    history: History | None = None,
) -> SamplesRoom:
    """Return the room; nothing runs until its `start`."""
    board = Board(clock)
    recorder = Recorder()
    archive = Archive(database, lease)
    rollup = Rollup(recorder.ring, archive, clock)
    sampler = Sampler(board, feeds(sources, clock), recorder, rollup, clock)
    past = Past(recorder.ring, rollup, archive)
    return SamplesRoom(
        service=Samples(board, recorder.ring, past, clock, history),
        board=board,
        sampler=sampler,
        rollup=rollup,
        loops=(
            Loop("samples", sampler.step, STEP_SECONDS),
            Loop("samples rollup", rollup.write, _WRITE_SECONDS),
        ),
    )


def feeds(sources: Sources, clock: Clock) -> Sequence[Feed]:
    """Return everything that is asked every two seconds."""
    node = socket.gethostname()
    collectors: Sequence[Collector] = (
        MachineCollector(sources.hardware, node=node),
        ProcessCollector(lambda: known_processes(sources), node),
        *sources.more,
    )
    return (
        *map(CollectorFeed, collectors),
        EngineFeed(sources.reports, node, clock),
        NodeFeed(sources.machines, node, _ray_here(sources), clock),
    )


def known_processes(sources: Sources) -> Iterator[Known]:
    """Yield the product's own processes on this machine, by what is told of them.

    Those of engines are told of by their replicas, wherever they run.
    """
    yield Known(os.getpid(), "control-plane")
    for number, pid in sorted(sources.gateways().items()):
        yield Known(pid, f"gateway-{number}")
    yield from _run_files(sources.run_dir)


def _ray_here(sources: Sources) -> Callable[[], frozenset[str]]:
    """Return what tells the names of Ray's processes that are read here."""
    return lambda: frozenset(known.name for known in _run_files(sources.run_dir))


def _run_files(folder: Path) -> Iterator[Known]:
    """Yield the steward, and Ray's own processes, where a steward runs them."""
    for member in _members(folder / "steward.json")[:1]:
        yield Known(member["pid"], "steward")
    seen: set[str] = set()
    for member in _members(folder / "ray.json"):
        role = str(member["role"])
        if role != _RAY_SESSION and role not in seen:
            seen.add(role)
            yield Known(member["pid"], f"ray-{role}")


def _members(file: Path) -> list[dict[str, Any]]:
    try:
        return json.loads(file.read_bytes())["members"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
