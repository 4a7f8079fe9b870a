"""Whether a model may be loaded: no pickles, and no code of its own but what was allowed."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from vllm_manager.kit.errors import Problem, ProblemDetails, Remedy


class Facts(Protocol):
    """What is asked of a model."""

    @property
    def commit(self) -> str | None: ...

    @property
    def config(self) -> Mapping[str, Any]: ...

    @property
    def architectures(self) -> list[str]: ...

    @property
    def supported(self) -> bool | None: ...

    @property
    def weight_format(self) -> str: ...

    @property
    def has_auto_map(self) -> bool: ...


class FactsSource(Protocol):
    """Reads the facts of a model in a folder, or of one on the Hub."""

    async def facts(self, model: str, revision: str | None) -> Facts: ...


@dataclass(frozen=True, slots=True)
class Vetted:
    """What came of a look at a model."""

    problem: ProblemDetails | None = None
    trusted: bool = False
    """Its own code may run: an administrator allowed it for this commit."""


@dataclass(frozen=True, slots=True)
class Vetting:
    """Judges models by their facts. `allowed` holds `organisation/name@commit`."""

    source: FactsSource
    allowed: frozenset[str]

    async def of_folder(self, model: str, folder: Path) -> Vetted:
        """Judge a model in the store, whose folder has its commit's name."""
        try:
            facts = await self.source.facts(str(folder), None)
        except Problem as problem:
            return Vetted(problem.details)
        return judge(model, folder.name, facts, self.allowed)

    async def of_reference(self, model: str, revision: str | None) -> Vetted:
        """Judge a model wherever it is; one that can't be asked now is judged when it is here."""
        try:
            facts = await self.source.facts(model, revision)
        except Problem:
            return Vetted()
        return judge(model, facts.commit, facts, self.allowed)


def judge(model: str, commit: str | None, facts: Facts, allowed: frozenset[str]) -> Vetted:
    """Say whether a model may be loaded (pure)."""
    if facts.weight_format == "pickle":
        return Vetted(_pickle(model).details)
    if not facts.has_auto_map:
        return Vetted()
    if commit is not None and f"{model}@{commit}" in allowed:
        return Vetted(trusted=True)
    # What vLLM itself knows is loaded with vLLM's own code; the repository's is never asked for.
    return Vetted() if facts.supported else Vetted(_own_code(model, commit, facts).details)


_SAFETENSORS: Final = Remedy(label="Choose a revision or a copy of it with safetensors weights")


def _pickle(model: str) -> Problem:
    return Problem(
        "pickle_weights",
        f"{model} holds its weights as pickles only, which can run any code when loaded.",
        status=422,
        remediation=[_SAFETENSORS, Remedy(label="Or convert them to safetensors yourself")],
    )


def _own_code(model: str, commit: str | None, facts: Facts) -> Problem:
    what = ", ".join(facts.architectures) or "its architecture"
    name = f"{model}@{commit}" if commit else f"{model}@<commit>"
    return Problem(
        "own_code_refused",
        f"{model} can't be loaded without code from its repository (`auto_map`), since this vLLM "
        f"does not know {what}. Such code may do anything on this machine, so it is refused.",
        status=422,
        remediation=[
            Remedy(label="Choose a model whose architecture this vLLM has"),
            Remedy(
                label="An administrator who has read the code of this one commit allows it with "
                f"VLLM_MANAGER_TRUSTED_CODE={name}"
            ),
        ],
    )
