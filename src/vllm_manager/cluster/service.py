"""Nodes and their resources, as Ray tells them."""

from collections.abc import Mapping, Sequence
from typing import Any

from vllm_manager.cluster.ray import RayRest, RayUnavailableError
from vllm_manager.cluster.schemas import ClusterNode, RayStatus
from vllm_manager.kit.errors import Problem


class Cluster:
    """Answers questions about the cluster from Ray's own list of nodes."""

    def __init__(self, ray: RayRest) -> None:
        self._ray = ray

    async def nodes(self) -> Sequence[ClusterNode]:
        """Return every node.

        Raises:
            Problem: Ray does not answer (503).
        """
        nodes = await self.nodes_if_known()
        if nodes is None:
            status = await self.status()
            raise Problem(
                "ray_unavailable",
                f"The nodes are not known now, because Ray does not answer. {status.message}",
                status=503,
                retryable=True,
                retry_after_seconds=5,
            )
        return nodes

    async def nodes_if_known(self) -> Sequence[ClusterNode] | None:
        """Return every node, or None while Ray does not answer."""
        try:
            return [_node(node) for node in await self._ray.nodes()]
        except RayUnavailableError:
            return None

    async def most_gpus(self) -> float | None:
        """Return how many GPUs the largest living node offers to Ray; None while Ray is silent."""
        nodes = await self.nodes_if_known()
        if nodes is None:
            return None
        return max((node.gpus or 0 for node in nodes if node.state == "alive"), default=0)

    async def status(self) -> RayStatus:
        """Say whether Ray answers, and if not, why."""
        try:
            version = await self._ray.version()
        except RayUnavailableError as error:
            return RayStatus(state="down", address=self._ray.url, version=None, message=str(error))
        return RayStatus(state="up", address=self._ray.url, version=version, message=None)


def _node(node: Mapping[str, Any]) -> ClusterNode:
    resources: Mapping[str, float] = node.get("resources_total") or {}
    memory = resources.get("memory")
    return ClusterNode(
        id=str(node["node_id"]),
        ip=node.get("node_ip"),
        hostname=node.get("node_name") if node.get("node_name") != node.get("node_ip") else None,
        is_head=bool(node.get("is_head_node")),
        state="alive" if node.get("state") == "ALIVE" else "dead",
        state_message=node.get("state_message"),
        cpus=resources.get("CPU"),
        gpus=resources.get("GPU", 0.0) if resources else None,
        memory_bytes=int(memory) if memory is not None else None,
    )
