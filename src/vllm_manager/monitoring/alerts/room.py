"""Whether the cluster is large enough for one more replica (pure): a bound, as Ray places them."""

from collections.abc import Sequence

from vllm_manager.cluster import ClusterNode
from vllm_manager.configs import Resources
from vllm_manager.deployments.schemas import Deployment


class Room:
    """The GPUs and processors of all living nodes, less what everything that is wanted reserves."""

    def __init__(self, views: Sequence[Deployment], nodes: Sequence[ClusterNode]) -> None:
        alive = [node for node in nodes if node.state == "alive"]
        self._has_gpus = any(node.gpus for node in alive)
        wanted = [view for view in views if view.desired == "running"]
        self._gpus = sum(node.gpus or 0 for node in alive) - sum(
            view.replicas_desired * self._gpus_of(view.spec.resources) for view in wanted
        )
        self._cpus = sum(node.cpus or 0 for node in alive) - sum(
            view.replicas_desired * view.spec.resources.cpus for view in wanted
        )

    def has_another(self, resources: Resources) -> bool:
        """Whether what is left would hold one more replica that reserves `resources`."""
        return self._gpus >= self._gpus_of(resources) and self._cpus >= resources.cpus

    def _gpus_of(self, resources: Resources) -> int:
        if resources.gpus is not None:
            return resources.gpus
        parallel = resources.tensor_parallel_size * resources.pipeline_parallel_size
        return parallel if self._has_gpus else 0
