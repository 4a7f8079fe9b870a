"""The warmers of the nodes: what each said last about the spares that it keeps."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from vllm_manager.kit.clock import Clock

_FORGET_SECONDS = 20.0
_MAX_NODES = 10_000


class Spare(BaseModel):
    """A process that has imported the engine and waits; engines are forked from it."""

    pid: int
    state: str = Field(description="`preparing`, `ready` or `failed`.")
    reason: str | None = None
    resident_bytes: int | None = None
    anonymous_bytes: int | None = None
    age_seconds: float | None = None
    engines_forked: int = 0


class WarmerNode(BaseModel):
    """The node of a warmer, as Ray names it."""

    id: str
    ip: str | None = None
    hostname: str | None = None


class MachineReport(BaseModel):
    """The node's own figures by name, and those of its GPUs by index, of its disks by purpose, and
    of Ray's processes by name."""

    node: dict[str, float] = Field(default_factory=dict[str, float], max_length=64)
    gpus: dict[str, dict[str, float]] = Field(
        default_factory=dict[str, dict[str, float]], max_length=64
    )
    disks: dict[str, dict[str, float]] = Field(
        default_factory=dict[str, dict[str, float]], max_length=16
    )
    processes: dict[str, dict[str, float]] = Field(
        default_factory=dict[str, dict[str, float]], max_length=64
    )


class WarmerState(BaseModel):
    """What a warmer says of itself."""

    model_config = ConfigDict(extra="ignore")

    node: WarmerNode
    pid: int | None = None
    engine: str | None = None
    wanted: int | None = Field(default=None, description="Spares that it is to keep.")
    reason: str | None = Field(default=None, description="Why there are fewer; null: there aren't.")
    refused: int = 0
    handed_over: int = 0
    restarts: int = 0
    spares: list[Spare] = Field(default_factory=list[Spare], max_length=64)


class WarmerReport(WarmerState):
    """What comes every five seconds; see docs/reference/protocols.md."""

    machine: MachineReport | None = None


class SeenMachine(NamedTuple):
    """What a node said of itself, and when."""

    node: WarmerNode
    received: float
    """Monotonic seconds."""
    machine: MachineReport


class Warmer(WarmerState):
    """The warmer of a node, and when it was heard of."""

    last_seen_at: datetime


@dataclass(slots=True)
class WarmerBoard:
    """The newest report of each node; a warmer that is silent for 20 s is forgotten."""

    clock: Clock
    _seen: dict[str, tuple[float, Warmer]] = field(default_factory=dict[str, tuple[float, Warmer]])
    _machines: dict[str, SeenMachine] = field(default_factory=dict[str, SeenMachine])

    def post(self, report: WarmerReport) -> None:
        """Keep a report."""
        self._prune()
        if report.node.id in self._seen or len(self._seen) < _MAX_NODES:
            said = report.model_dump(exclude={"machine"})
            warmer = Warmer(**said, last_seen_at=self.clock.now())
            now = self.clock.monotonic()
            self._seen[report.node.id] = (now, warmer)
            if report.machine is not None:
                self._machines[report.node.id] = SeenMachine(report.node, now, report.machine)

    def all(self) -> Sequence[Warmer]:
        """Return the warmers that were heard of lately, by node."""
        self._prune()
        return [warmer for _, (_, warmer) in sorted(self._seen.items())]

    def machines(self) -> Sequence[SeenMachine]:
        """Return what nodes said last of themselves."""
        self._prune()
        return list(self._machines.values())

    def _prune(self) -> None:
        oldest = self.clock.monotonic() - _FORGET_SECONDS
        self._seen = {node: seen for node, seen in self._seen.items() if seen[0] >= oldest}
        self._machines = {n: m for n, m in self._machines.items() if m.received >= oldest}
