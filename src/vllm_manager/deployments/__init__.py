"""Deployments: what is wanted, what is seen, and the loop that brings the two together."""

from vllm_manager.deployments.build import Below, DeploymentsRoom, build
from vllm_manager.deployments.logs import LogCounts
from vllm_manager.deployments.observed import Report
from vllm_manager.deployments.reached import Route, RouteEndpoint
from vllm_manager.deployments.schemas import Deployment, DeploymentRequest, DeploymentSpec
from vllm_manager.deployments.service import Deployments
from vllm_manager.deployments.showing import Standing
from vllm_manager.deployments.starts import StartCounts

__all__ = [
    "Below",
    "Deployment",
    "DeploymentRequest",
    "DeploymentSpec",
    "Deployments",
    "DeploymentsRoom",
    "LogCounts",
    "Report",
    "Route",
    "RouteEndpoint",
    "Standing",
    "StartCounts",
    "build",
]
