"""Presets for well-known families of models: shipped settings, and which model they are for."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from vllm_manager.configs.schemas import Preset

_SHIPPED: Final = Path(__file__).with_name("presets.json")


class Match(BaseModel):
    """What of a model a preset goes by: any of these is enough, the first named the surest."""

    model_config = ConfigDict(extra="forbid")

    model_types: list[str] = Field(default_factory=list[str])
    architectures: list[str] = Field(default_factory=list[str])
    repos: list[str] = Field(default_factory=list[str])
    """Patterns on the repository's id, in small letters; `*` stands for anything."""


class ShippedPreset(BaseModel):
    """A preset as the shipped file holds it."""

    model_config = ConfigDict(extra="forbid")

    id: str
    title: str
    why: str
    match: Match
    recipe: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Question:
    """What is known of the model that a preset is looked for; None: not known."""

    model: str | None = None
    model_type: str | None = None
    architecture: str | None = None

    @property
    def is_empty(self) -> bool:
        return self.model is None and self.model_type is None and self.architecture is None


class Presets:
    """Reads the shipped file once, when it is first asked."""

    def __init__(self, file: Path = _SHIPPED) -> None:
        self._file = file

    def matching(self, question: Question) -> list[Preset]:
        """Return the presets for a model, the surest first; all of them where nothing is asked."""
        found = [(_matches(shipped.match, question), shipped) for shipped in self._shipped]
        if not question.is_empty:
            found = sorted(
                ((matches, shipped) for matches, shipped in found if matches),
                key=lambda pair: pair[0][0].rank,
            )
        return [_view(shipped, [m.text for m in matches]) for matches, shipped in found]

    @cached_property
    def _shipped(self) -> Sequence[ShippedPreset]:
        entries = json.loads(self._file.read_bytes())["presets"]
        return [ShippedPreset.model_validate(entry) for entry in entries]


@dataclass(frozen=True, slots=True)
class _Found:
    rank: int
    text: str


def _matches(match: Match, question: Question) -> list[_Found]:
    return list(_look(match, question))


def _look(match: Match, question: Question) -> Iterator[_Found]:
    repo = (question.model or "").lower()
    # The longest pattern is the most specific one: `qwen/qwen3-coder*` before `*qwen3*`.
    patterns = sorted((p for p in match.repos if fnmatchcase(repo, p)), key=len, reverse=True)
    if question.model is not None and patterns:
        yield _Found(100 - min(99, len(patterns[0])), f"repository {patterns[0]}")
    if question.model_type in match.model_types:
        yield _Found(200, f"model_type {question.model_type}")
    if question.architecture in match.architectures:
        yield _Found(300, f"architecture {question.architecture}")


def _view(shipped: ShippedPreset, matches: list[str]) -> Preset:
    return Preset(
        id=shipped.id,
        title=shipped.title,
        why=shipped.why,
        matches=matches,
        recipe=shipped.recipe,
    )
