"""What the cluster's nodes report of themselves, by their warmers: machine, GPUs, disks, Ray."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Final

from vllm_manager.cluster import SeenMachine
from vllm_manager.kit.clock import Clock
from vllm_manager.monitoring.samples.figures import BY_NAME, PROCESS, Labels
from vllm_manager.monitoring.samples.reading import Board, Sample

_SOURCE: Final = "node/"
_PURPOSES: Final = ("models", "home", "temporary", "shared_memory")
_RAY: Final = re.compile(r"ray-[a-z_-]{1,32}")
"""Ray's processes; what they are called is bounded, since it becomes a label."""


class NodeFeed:
    """Puts each node's figures on the board that are newer than what is there."""

    name = "nodes"

    def __init__(
        self,
        machines: Callable[[], Sequence[SeenMachine]],
        here: str,
        read_here: Callable[[], Collection[str]],
        clock: Clock,
    ) -> None:
        """`here` is this machine, which is read without its warmer, as are the processes that
        `read_here` names; of this machine's other processes its warmer tells.
        """
        self._machines = machines
        self._here = here
        self._read_here = read_here
        self._clock = clock
        self._seen: dict[str, float] = {}

    async def feed(self, board: Board) -> None:
        """Put what has come since the last call."""
        now = self._clock.monotonic()
        machines = self._machines()
        ids: dict[str, str] = {}
        for seen in machines:
            # Of two nodes with one name, the figures of one are told: the names would be the same.
            is_first = ids.setdefault(_name(seen), seen.node.id) == seen.node.id
            if seen.received != self._seen.get(seen.node.id):
                samples = list(self._samples(seen)) if is_first else []
                board.put(f"{_SOURCE}{seen.node.id}", samples, now - seen.received)
        self._seen = {seen.node.id: seen.received for seen in machines}

    def _samples(self, seen: SeenMachine) -> Iterator[Sample]:
        node: Labels = (("node", _name(seen)),)
        is_here = seen.node.hostname == self._here
        if not is_here:
            yield from _of_machine(seen, node)
        told = self._read_here() if is_here else ()
        for process, figures in seen.machine.processes.items():
            if _RAY.fullmatch(process) and process not in told:
                yield from _known(figures, (*node, ("process", process)), PROCESS)


def nodes_heard(board: Board) -> Collection[str]:
    """Return the ids, as Ray knows them, of the nodes that have told of themselves lately."""
    fresh = board.fresh()
    return {s.removeprefix(_SOURCE) for s in fresh if s.startswith(_SOURCE)}


def _name(seen: SeenMachine) -> str:
    return seen.node.hostname or seen.node.id


def _of_machine(seen: SeenMachine, node: Labels) -> Iterator[Sample]:
    yield from _known(seen.machine.node, node, ("node",))
    for index, figures in seen.machine.gpus.items():
        yield from _known(figures, (*node, ("gpu", index)), ("node", "gpu"))
    for purpose, figures in seen.machine.disks.items():
        if purpose in _PURPOSES:
            yield from _known(figures, (*node, ("purpose", purpose)), ("node", "purpose"))


def _known(
    figures: Mapping[str, float], labels: Labels, names: tuple[str, ...]
) -> Iterator[Sample]:
    for name, value in figures.items():
        figure = BY_NAME.get(name)
        if figure is not None and figure.labels == names:
            yield Sample(name, labels, value)
