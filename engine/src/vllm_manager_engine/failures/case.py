"""All that is known of one failed engine: how it ended, what it said, what it was asked to be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vllm_manager_engine.failures.host_facts import HostFacts
from vllm_manager_engine.failures.lines import Line


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the engine was asked to be, as far as rules use it."""

    arguments: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    """Options by name with underscores; None where an option has no value."""
    config: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The model's config.json; empty where it is not known."""
    model: str = ""
    tensor_parallel_size: int = 1
    gpus: float = 0

    def number(self, name: str) -> int | None:
        """Return a whole number that was given, or None."""
        given = self.arguments.get(name)
        return int(given) if given and given.isdigit() else None

    @property
    def heads(self) -> int | None:
        """How many attention heads the model has."""
        text = self.config.get("text_config") or self.config
        found = text.get("num_attention_heads")
        return found if isinstance(found, int) and found > 0 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One engine that ended or was ended."""

    lines: tuple[Line, ...] = ()
    exit_code: int | None = None
    signal: int | None = None
    phase: str | None = None
    """Where its start stood when it ended; `ready` if it had been."""
    weights_bytes: int | None = None
    core_died: bool = False
    """Its computing process was seen to die while its server lived."""
    asked: Asked = field(default_factory=Asked)
    host: HostFacts = field(default_factory=HostFacts)

    def said(self, words: str) -> int | None:
        """Return where the first line stands that holds `words`, or None."""
        return next((n for n, line in enumerate(self.lines) if words in line.text), None)
