"""Who watches one engine's life for what its failure will have to be explained by."""

from collections.abc import Sequence
from pathlib import Path

from vllm_manager_engine import failures
from vllm_manager_engine.failures import lines
from vllm_manager_engine.failures.case import Asked, Case
from vllm_manager_engine.failures.failure import Failure
from vllm_manager_engine.failures.host_facts import HostFacts, HostWatch
from vllm_manager_engine.spec import ReplicaSpec


def asked(spec: ReplicaSpec, config: dict[str, object]) -> Asked:
    """Return what a specification asks of the engine, as rules use it."""
    options: dict[str, str | None] = {}
    last: str | None = None
    for word in spec.arguments:
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            last = name.replace("-", "_")
            options[last] = value if equals else None
        elif last is not None and options[last] is None:
            options[last] = word
    return Asked(
        arguments=options,
        config=config,
        model=spec.model,
        tensor_parallel_size=spec.tensor_parallel_size,
        gpus=spec.gpus,
    )


class Witness:
    """Remembers how the machine stood when an engine began; explains its end."""

    def __init__(self, wanted: Asked, folder: Path | None) -> None:
        self._asked = wanted
        self._folder = folder
        self._host = HostWatch()

    def follow(self, engine_pid: int | None) -> None:
        """Take note of the engine's process, once it is known."""
        if engine_pid is not None:
            self._host.follow(engine_pid)

    def explain(
        self,
        ended: tuple[int | None, int | None],
        texts: Sequence[str],
        phase: str,
        weights_bytes: int | None,
        core_died: bool,
    ) -> Failure:
        """Return why the engine ended; `ended` is its exit code and its signal."""
        case = self.case(ended, texts, phase, weights_bytes, core_died)
        was_ready = phase == "ready"  # then its files had been read
        return failures.explain(case, None if was_ready else failures.damage(self._folder))

    def case(
        self,
        ended: tuple[int | None, int | None],
        texts: Sequence[str],
        phase: str,
        weights_bytes: int | None = None,
        core_died: bool = False,
    ) -> Case:
        """Return all that is known now."""
        facts: HostFacts = self._host.facts()
        return Case(
            lines=lines.read(texts),
            exit_code=ended[0],
            signal=ended[1],
            phase=phase,
            weights_bytes=weights_bytes,
            core_died=core_died,
            asked=self._asked,
            host=facts,
        )

    def close(self) -> None:
        self._host.close()
