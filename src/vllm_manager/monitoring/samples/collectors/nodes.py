"""The cluster's other machines and their GPUs, by what their warmers report of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from vllm_manager.cluster import SeenMachine
from vllm_manager.kit.clock import Clock
from vllm_manager.monitoring.samples.figures import BY_NAME, Labels
from vllm_manager.monitoring.samples.reading import Board, Sample


class NodeFeed:
    """Puts each machine's figures on the board that are newer than what is there."""

    name = "nodes"

    def __init__(
        self, machines: Callable[[], Sequence[SeenMachine]], here: str, clock: Clock
    ) -> None:
        """`here` is this machine, which is read without its warmer."""
        self._machines = machines
        self._here = here
        self._clock = clock
        self._seen: dict[str, float] = {}

    async def feed(self, board: Board) -> None:
        """Put what has come since the last call."""
        now = self._clock.monotonic()
        for seen in self._machines():
            is_new = seen.received != self._seen.get(seen.node.id)
            if is_new and seen.node.hostname != self._here:
                self._seen[seen.node.id] = seen.received
                board.put(f"node/{seen.node.id}", list(_samples(seen)), now - seen.received)


def _samples(seen: SeenMachine) -> Iterator[Sample]:
    node: Labels = (("node", seen.node.hostname or seen.node.id),)
    yield from _known(seen.machine.node, node)
    for index, figures in seen.machine.gpus.items():
        yield from _known(figures, (*node, ("gpu", index)))


def _known(figures: Mapping[str, float], labels: Labels) -> Iterator[Sample]:
    names = tuple(name for name, _ in labels)
    for name, value in figures.items():
        figure = BY_NAME.get(name)
        if figure is not None and figure.labels == names:
            yield Sample(name, labels, value)
