"""The Ray cluster: its REST API, and the nodes it consists of."""

from vllm_manager.cluster.ray import RayRest, RayUnavailableError
from vllm_manager.cluster.schemas import ClusterNode, RayStatus
from vllm_manager.cluster.service import Cluster
from vllm_manager.cluster.warmers import SeenMachine, Warmer, WarmerBoard

__all__ = [
    "Cluster",
    "ClusterNode",
    "RayRest",
    "RayStatus",
    "RayUnavailableError",
    "SeenMachine",
    "Warmer",
    "WarmerBoard",
]
