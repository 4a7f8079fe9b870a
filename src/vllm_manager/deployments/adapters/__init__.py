"""Engines of particular vendors, behind the port in `deployments.engine`."""

from vllm_manager.deployments.adapters.ray_serve import (
    RayServeEngine,
    ReplicaSettings,
    WarmerSettings,
)

__all__ = ["RayServeEngine", "ReplicaSettings", "WarmerSettings"]
