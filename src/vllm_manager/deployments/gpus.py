"""Which GPUs of this machine deployments were given, and which of those are gone."""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from vllm_manager.deployments.memory import Memory, identity_of
from vllm_manager.deployments.observed import HeldGpu, Report
from vllm_manager.deployments.tables import DeploymentRow
from vllm_manager.hardware import Gpu, GpuUse, HardwareSnapshot

_WORDS: Final = {"lost": "has fallen off the bus", "failed": "does not answer as it should"}


class Machine(Protocol):
    """This machine's hardware, as it is now."""

    async def snapshot(self) -> HardwareSnapshot: ...


@dataclass(frozen=True, slots=True)
class _Held:
    """What one launch of a deployment was given, in all its attempts."""

    generation: int
    gpus: frozenset[HeldGpu]


class GpuWatch:
    """Ties deployments to GPUs by their replicas' reports, and tells memory of those that went.

    The tie outlives the replica: a GPU that is gone soon takes its engine, and with it the reports.
    It ends when the deployment is whole again elsewhere, is started anew, or stopped.
    """

    def __init__(
        self, memory: Memory, machine: Machine, hostname: str, nudge: Callable[[], None]
    ) -> None:
        self._memory = memory
        self._machine = machine
        self._hostname = hostname
        self._nudge = nudge
        self._held: dict[str, _Held] = {}

    def uses(self) -> Collection[GpuUse]:
        """Return which deployment was given which GPU of this machine."""
        self._gather()
        rows = self._memory.rows
        return [
            GpuUse(rows[uid].name, gpu.index, gpu.uuid)
            for uid, held in self._held.items()
            for gpu in held.gpus
        ]

    async def step(self) -> None:
        """Look once. Where no deployment has a GPU of this machine, nothing is asked."""
        lost: dict[str, tuple[str, ...]] = {}
        if self.uses():
            lost = losses(await self._machine.snapshot())
        if lost != self._memory.lost_gpus:
            self._memory.lost_gpus = lost
            self._nudge()

    def _gather(self) -> None:
        rows = self._memory.rows
        running = {uid: row for uid, row in rows.items() if row.desired == "running"}
        found = {uid: self._of(row) for uid, row in running.items()}
        self._held = {uid: held for uid, held in found.items() if held.gpus}

    def _of(self, row: DeploymentRow) -> _Held:
        identity = identity_of(row)
        reports = [r for r in self._memory.board.of(row.uid) if r.identity == identity]
        now = frozenset(gpu for r in reports if self._is_here(r) for gpu in r.gpus or ())
        before = self._held.get(row.uid)
        ready = sum(r.phase == "ready" for r in reports)
        if before is None or before.generation != row.generation or ready >= row.spec["replicas"]:
            return _Held(row.generation, now)
        return _Held(row.generation, now | before.gpus)

    def _is_here(self, report: Report) -> bool:
        return report.hostname in (None, self._hostname)


def losses(snapshot: HardwareSnapshot) -> dict[str, tuple[str, ...]]:
    """Return what to tell of each deployment, by name, whose GPUs are gone (pure)."""
    told: defaultdict[str, list[str]] = defaultdict(list)
    for gpu in snapshot.gpus:
        if gpu.state != "ok":
            for name in gpu.used_by:
                told[name].append(_sentence(gpu, snapshot.host.hostname, gpu.used_by))
    return {name: tuple(sentences) for name, sentences in told.items()}


def _sentence(gpu: Gpu, hostname: str, users: Sequence[str]) -> str:
    names = ", ".join(filter(None, (gpu.name, gpu.uuid)))
    which = f"GPU {gpu.index}{f' ({names})' if names else ''} of {hostname}"
    many = "these deployments" if len(users) > 1 else "this deployment"
    return (
        f"{which}, which it was given, {_WORDS[gpu.state]}. Reset the GPU or reboot the machine, "
        f"then restart {many}; before that, a restart may be given the same GPU again."
    )
