"""Whether a deployment can be run at all: asked before anything starts."""

from collections.abc import Sequence
from dataclasses import dataclass

from vllm_manager.cluster import ClusterNode
from vllm_manager.configs import (
    EngineArguments,
    LoraModule,
    check_adapter_folder,
    check_adapters,
    check_bounds,
    check_environment,
    check_model,
)
from vllm_manager.deployments.schemas import DeploymentSpec
from vllm_manager.kit.errors import FieldError, invalid


@dataclass(frozen=True, slots=True)
class Checks:
    """What a spec is checked against."""

    arguments: EngineArguments
    ray_is_local: bool
    allow_fake: bool

    def refuse_if_wrong(self, spec: DeploymentSpec, nodes: Sequence[ClusterNode] | None) -> None:
        """Check a spec against the engine and the nodes (None: not known now).

        Raises:
            Problem: it can't run; every wrong field is named (422).
        """
        errors = [
            *check_model(spec.model, spec.revision, local=self.ray_is_local),
            *self.arguments.check(spec.arguments),
            *check_environment(spec.environment),
            *check_adapters(spec.lora_modules, spec.arguments),
            *check_bounds(spec.replicas, spec.autoscaling),
            *(_check_folders(spec.lora_modules) if self.ray_is_local else ()),
            *_check_resources(spec, nodes),
        ]
        if spec.engine == "fake" and not self.allow_fake:
            message = "The fake engine is for tests; set VLLM_MANAGER_FAKE_ENGINE to allow it."
            errors.append(FieldError(field="engine", message=message, suggestion="vllm"))
        if errors:
            raise invalid(errors)

    def words(self, spec: DeploymentSpec) -> list[str]:
        """Return the engine's command line for a checked spec."""
        adapters = {module.name: module.path for module in spec.lora_modules}
        if not adapters:
            return self.arguments.render(spec.arguments)
        named = [f"{name}={path}" for name, path in adapters.items()]
        asked = {"enable_lora": True, **spec.arguments, "lora_modules": named}
        return self.arguments.render(asked)


def _check_folders(modules: Sequence[LoraModule]) -> list[FieldError]:
    problems = [(index, check_adapter_folder(m.path)) for index, m in enumerate(modules)]
    return [
        FieldError(field=f"lora_modules.{index}.path", message=problem)
        for index, problem in problems
        if problem is not None
    ]


def _check_resources(spec: DeploymentSpec, nodes: Sequence[ClusterNode] | None) -> list[FieldError]:
    resources = spec.resources
    parallel = resources.tensor_parallel_size * resources.pipeline_parallel_size
    if resources.gpus and resources.gpus % parallel:
        message = (
            f"{resources.gpus} GPUs can't be shared by tensor × pipeline parallel = {parallel}."
        )
        return [FieldError(field="resources.gpus", message=message, suggestion=str(parallel))]
    alive = [node for node in nodes or () if node.state == "alive"]
    gpus = resources.gpus
    if gpus is None and any(node.gpus for node in alive):
        gpus = parallel
    errors = [
        *_exceeds("resources.cpus", "CPU cores", resources.cpus, [n.cpus for n in alive]),
        *_exceeds("resources.gpus", "GPUs", gpus, [n.gpus for n in alive]),
    ]
    if not errors and alive and not any(_has_room(node, resources.cpus, gpus) for node in alive):
        message = f"No node has both {resources.cpus:g} CPU cores and {gpus} GPUs."
        errors.append(FieldError(field="resources", message=message))
    return errors


def _exceeds(
    field: str, what: str, asked: float | None, offered: Sequence[float | None]
) -> list[FieldError]:
    known = [amount for amount in offered if amount is not None]
    if asked is None or not known or asked <= max(known):
        return []
    most = f"{max(known):g}"
    message = f"No node has {asked:g} {what}; the largest has {most}."
    return [FieldError(field=field, message=message, suggestion=most)]


def _has_room(node: ClusterNode, cpus: float, gpus: int | None) -> bool:
    """Whether one node has both; what is not known of it counts as enough."""
    enough_cpus = node.cpus is None or cpus <= node.cpus
    return enough_cpus and (gpus is None or node.gpus is None or gpus <= node.gpus)
