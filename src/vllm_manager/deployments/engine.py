"""The port to whatever runs engines: it is shown a whole set, never one deployment."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from vllm_manager.deployments.observed import Identity, Observation


@dataclass(frozen=True, slots=True)
class Launch:
    """One deployment to run: everything that its replicas need to know."""

    name: str
    identity: Identity
    model: str
    revision: str | None
    engine: str
    arguments: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    replicas: int
    cpus: float
    gpus: int
    tensor_parallel_size: int
    pipeline_parallel_size: int
    sealed: tuple[str, ...] = ()
    """Variables of the environment whose values nobody is to read."""
    trusted_code: bool = False
    """The model's own code may run: an administrator allowed it for this commit."""


class EngineUnavailableError(Exception):
    """The cluster did not take the set; it may be sent again."""


class Engine(Protocol):
    """Runs deployments. One implementation speaks to Ray Serve; tests have one in memory."""

    async def observe(self) -> Observation:
        """Look at everything that runs.

        Never raises for a cluster that does not answer: that is an observation, too.
        """
        ...

    async def converge(self, launches: Sequence[Launch], observation: Observation) -> None:
        """Make `launches` the whole set of what runs, and leave alone what already runs as asked.

        What runs with the same identity keeps its configuration from `observation`, but for the
        number of replicas. What is in nobody's set is removed. Returns once the set is accepted,
        not when it runs.

        Raises:
            EngineUnavailableError: the set was not accepted; nothing is known of its effect.
        """
        ...
