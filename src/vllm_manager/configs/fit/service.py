"""Answers whether a model fits: asks for the model's facts and the machine, then estimates."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from vllm_manager.cluster import ClusterNode
from vllm_manager.configs.arguments import EngineArguments
from vllm_manager.configs.fit.advice import Question, smallest_gpus, suggestions
from vllm_manager.configs.fit.architecture import read
from vllm_manager.configs.fit.doubts import NOWHERE, Others, doubted, elsewhere, here
from vllm_manager.configs.fit.engine_settings import read_settings
from vllm_manager.configs.fit.machine import machine_of
from vllm_manager.configs.fit.report import refusal_of, report_of, unreadable
from vllm_manager.configs.fit.schemas import FitReport, FitRequest
from vllm_manager.configs.fit.stages import Model
from vllm_manager.hardware import Hardware, HardwareSnapshot
from vllm_manager.kit.errors import Problem, invalid


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

    def __init__(
        self,
        hardware: Hardware,
        models: ModelSource,
        arguments: EngineArguments,
        nodes: Callable[[], Awaitable[Sequence[ClusterNode] | None]],
    ) -> None:
        """`nodes` lists the machines that Ray may place replicas on; None while it does not say."""
        self._hardware = hardware
        self._nodes = nodes
        self._models = models
        self._arguments = arguments

    async def estimate(self, question: FitRequest) -> FitReport:
        """Return whether it fits, with every part of the memory, and what to change.

        Raises:
            Problem: the model does not exist, or can't be read now; an argument is unknown or
                wrong (422), or the engine's list of them can't be read (503).
        """
        errors = self._arguments.check(question.arguments)
        if errors:
            raise invalid(errors)
        return await self._estimate(question)

    async def _estimate(self, question: FitRequest) -> FitReport:
        facts = await self._models.facts(question.model, question.revision)
        snapshot, nodes = await asyncio.gather(self._hardware.snapshot(), self._nodes())
        return await asyncio.to_thread(_judge_among, question, facts, snapshot, nodes)

    async def refusal(self, question: FitRequest) -> tuple[FitReport, Problem | None]:
        """Return the estimate, and why the question can't be deployed as it is (None: it can).

        For deploy, before anything starts. Only `does_not_fit` refuses: a `Problem` with code
        `does_not_fit`, status 409, the numbers in `detail` and `causes`, and the settings that
        would make it fit in `remediation` (action `set_argument` where it is an argument) and
        `errors`. `fits`, `tight` and `unknown` let through; for `unknown` the report's
        `unknowns` are the warning to keep. It never raises for the sake of a model that can't be
        read: that is `unknown` as well. Leave the call out where the engine is the fake one.
        """
        try:
            report = await self._estimate(question)
        except Problem as problem:
            return unreadable(question, problem), None
        return report, refusal_of(report)


def _judge_among(
    question: FitRequest,
    facts: ModelFacts,
    snapshot: HardwareSnapshot,
    nodes: Sequence[ClusterNode] | None,
) -> FitReport:
    return judge(question, facts, snapshot, elsewhere(question, nodes, here()))


def judge(
    question: FitRequest,
    facts: ModelFacts,
    snapshot: HardwareSnapshot,
    others: Others = NOWHERE,
) -> FitReport:
    """Return the report for a model's facts and a machine as it was seen. Pure.

    `others` are machines that a replica may be placed on as well, of which nothing is known.
    """
    resources = question.resources
    asked = Question(
        Model(read(facts.config), facts.parameters, facts.weights_bytes),
        read_settings(
            question.arguments,
            question.environment,
            tensor_parallel_size=resources.tensor_parallel_size,
            pipeline_parallel_size=resources.pipeline_parallel_size,
            lora_modules=len(question.lora_modules),
        ),
        machine_of(question, snapshot),
        question.replicas,
    )
    found = doubted(asked, asked.answer(), others)
    return report_of(question, facts.commit, found, suggestions(asked, found), smallest_gpus(asked))
