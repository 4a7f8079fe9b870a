"""Deployments: what is wanted, what is seen, and the loop that brings the two together."""

from vllm_manager.deployments.schemas import Deployment, DeploymentSpec, Route

__all__ = ["Deployment", "DeploymentSpec", "Route"]
