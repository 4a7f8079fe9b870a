"""Makes the spec that is to run from what was asked for, and has it judged before it is written."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from vllm_manager.configs import EnvironmentVault, Recipe, Recipes
from vllm_manager.configs.fit.schemas import FitReport, FitRequest
from vllm_manager.deployments import refusals
from vllm_manager.deployments.from_config import FIELDS, fields_of, laid_over, moved
from vllm_manager.deployments.models import DEMO
from vllm_manager.deployments.schemas import (
    ConfigChoice,
    DeploymentChange,
    DeploymentRequest,
    DeploymentSpec,
)
from vllm_manager.deployments.vetting import Vetting
from vllm_manager.kit.errors import Problem


class Estimator(Protocol):
    """Says whether a model fits."""

    async def refusal(self, question: FitRequest) -> tuple[FitReport, Problem | None]: ...


@dataclass(frozen=True, slots=True)
class Planning:
    """What a spec is made from, and who judges it. Nothing here writes."""

    recipes: Recipes
    fit: Estimator
    vetting: Vetting
    vault: EnvironmentVault

    async def of_request(self, asked: DeploymentRequest) -> DeploymentSpec:
        """Return the spec of a new deployment.

        Raises:
            Problem: there is no such config or version (404), or a field is wrong (422).
        """
        given = asked.given()
        if asked.config is None:
            return refusals.checked(self._kept(given, {}))
        recipe, reference = await self._recipe(asked.config)
        given = self._kept(given, recipe.environment)
        return refusals.checked({**laid_over(fields_of(recipe), given), "config": reference})

    async def of_change(
        self, spec: Mapping[str, Any], change: DeploymentChange
    ) -> tuple[DeploymentSpec, list[str]]:
        """Return a changed spec, and the names of the fields that were asked to change.

        Raises:
            Problem: as for `of_request`.
        """
        fields = change.model_dump(mode="json", exclude_unset=True, exclude={"force", "config"})
        names = list(fields)
        base = dict(spec)
        if "config" in change.model_fields_set:
            names.insert(0, "config")
            base = await self._moved_to(base, change.config)
        return refusals.changed(base, self._kept(fields, base["environment"])), names

    async def of_start(self, spec: Mapping[str, Any], version: int | None) -> DeploymentSpec:
        """Return the spec of a start: with the newest version of its config, or with `version`.

        Raises:
            Problem: there is no such version (404), it was made from no config though a version
                is asked for, or the new spec is wrong (422).
        """
        used = spec.get("config")
        if used is None:
            if version is not None:
                raise refusals.no_config(str(spec["name"]))
            return refusals.checked(spec)
        try:
            newest = ConfigChoice(name=used["name"], version=version)
            return refusals.checked(await self._moved_to(dict(spec), newest))
        except Problem as problem:
            if problem.code == "config_not_found" and version is None:
                return refusals.checked(spec)  # what it was made from is gone; its spec is not
            raise

    async def judgement(self, spec: DeploymentSpec, *, force: bool) -> dict[str, Any] | None:
        """Return what is estimated of a spec's memory.

        Raises:
            Problem: the model may not be loaded (422), or it can't fit and `force` is not given.
        """
        if spec.model != DEMO:
            vetted = await self.vetting.of_reference(spec.model, spec.revision)
            if vetted.problem is not None:
                raise refusals.of_details(vetted.problem)
        if spec.engine == "fake":
            return None
        report, refusal = await self.fit.refusal(question_of(spec))
        if refusal is not None and not force:
            raise refusal
        return report.model_dump(mode="json")

    def _kept(self, given: dict[str, Any], before: Mapping[str, str]) -> dict[str, Any]:
        """Return the fields that were given, with their environment as it is kept."""
        if not given.get("environment"):
            return given
        return {**given, "environment": self.vault.kept(given["environment"], before)}

    async def _recipe(self, choice: ConfigChoice) -> tuple[Recipe, dict[str, Any]]:
        found = await self.recipes.version(choice.name, choice.version)
        return found.recipe, {"name": found.name, "version": found.version}

    async def _moved_to(self, spec: dict[str, Any], choice: ConfigChoice | None) -> dict[str, Any]:
        """Return a spec as another version or config makes it; without one, as it is."""
        if choice is None:
            return {**spec, "config": None}
        recipe, reference = await self._recipe(choice)
        used = spec.get("config")
        if used is not None and used["name"] == choice.name:
            old = await self.recipes.version(used["name"], used["version"])
            return {**moved(spec, old.recipe, recipe), "config": reference}
        return {**spec, **{n: fields_of(recipe)[n] for n in FIELDS}, "config": reference}


def question_of(spec: DeploymentSpec) -> FitRequest:
    """Return the question whether a spec fits this machine."""
    shared = spec.model_dump(
        include=set(FitRequest.model_fields) & set(DeploymentSpec.model_fields)
    )
    return FitRequest.model_validate(shared)
