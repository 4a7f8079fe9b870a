"""The gateway's own figures as samples: here, since `monitoring` may not know the gateway."""

from collections.abc import Sequence

from vllm_manager.gateway.requests.board import RequestBoard, Spread
from vllm_manager.monitoring.samples import Distribution, Sample


class GatewayCollector:
    """A `Collector` that reads what all workers of the gateway have said."""

    name = "gateway"

    def __init__(self, board: RequestBoard) -> None:
        self._board = board

    async def collect(self) -> Sequence[Sample]:
        """Return the sums of all workers; nothing is asked of anyone."""
        return [
            Sample(figure.name, figure.labels, _value(figure.value))
            for figure in self._board.figures()
        ]


def _value(value: float | Spread) -> float | Distribution:
    return Distribution(*value) if isinstance(value, Spread) else value
