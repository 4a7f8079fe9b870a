"""Models in memory: downloads that tests move, facts and estimates that tests choose."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from vllm_manager.configs.fit.schemas import FitReport, FitRequest
from vllm_manager.deployments.observed import Failure, Fetch
from vllm_manager.kit.errors import Problem


class FakeModels:
    """Holds how far each model is. What is not named is in the store already."""

    def __init__(self) -> None:
        self.fetches: dict[str, Fetch] = {}
        self.begun: list[str] = []

    def is_missing(self, model: str) -> None:
        self.fetches[model] = Fetch("queued", "It waits.", "dl_1")

    def is_at(self, model: str, done: int, total: int) -> None:
        self.fetches[model] = Fetch("running", "Fetching.", "dl_1", done, total, 5.0, 2.0)

    def is_paused(self, model: str) -> None:
        self.fetches[model] = replace(self.fetches[model], state="paused", message="It is paused.")

    def has_failed(self, model: str, code: str, detail: str) -> None:
        details = Problem(code, detail, status=503).details
        self.fetches[model] = Fetch("failed", failure=Failure(code, detail, problem=details))

    def is_here(self, model: str) -> None:
        self.fetches.pop(model, None)

    async def folder(self, model: str, revision: str | None) -> Path | None:
        return None if model in self.fetches else Path("/store") / model / (revision or "main")

    async def begin(self, model: str, revision: str | None) -> Fetch:
        self.begun.append(model)
        if self.fetches[model].state == "failed":
            self.is_missing(model)
        return self.fetches[model]

    async def look(self, model: str, revision: str | None) -> Fetch:
        return self.fetches[model]


@dataclass
class KnownFacts:
    """Facts of one model."""

    commit: str | None = "a" * 40
    config: dict[str, Any] = field(default_factory=dict[str, Any])
    architectures: list[str] = field(default_factory=lambda: ["LlamaForCausalLM"])
    supported: bool | None = True
    weight_format: str = "safetensors"
    has_auto_map: bool = False


class FakeFacts:
    """Knows the same facts of every model, but for those that tests name."""

    def __init__(self) -> None:
        self.known: dict[str, KnownFacts] = {}
        self.away = False
        self.allowed: frozenset[str] = frozenset({f"org/allowed@{'a' * 40}"})

    async def facts(self, model: str, revision: str | None) -> KnownFacts:
        if self.away:
            raise Problem("hub_unreachable", "The Hub does not answer.", status=503)
        named = (facts for name, facts in self.known.items() if name in model)
        return next(named, KnownFacts())


class FakeFit:
    """Lets everything through, unless it is told to refuse."""

    def __init__(self) -> None:
        self.refuses: Problem | None = None
        self.questions: list[FitRequest] = []

    async def refusal(self, question: FitRequest) -> tuple[FitReport, Problem | None]:
        self.questions.append(question)
        return _report(question), self.refuses


def _report(question: FitRequest) -> FitReport:
    missing = [n for n, f in FitReport.model_fields.items() if f.is_required()]
    empty: dict[str, Any] = dict.fromkeys(missing)
    lists: dict[str, Any] = {"unknowns": [], "devices": [], "suggestions": [], "assumptions": []}
    said = {"verdict": "tight", "summary": "Tight.", "confidence": "low", "replicas": 1}
    known = {"model": question.model, "revision": question.revision}
    return FitReport.model_validate({**empty, **lists, **said, **known})
