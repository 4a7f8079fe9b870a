"""Where Ray has placed this process."""

import importlib
import socket
from typing import Any

from vllm_manager_engine import gpus
from vllm_manager_engine.spec import Node


def this_node() -> Node:
    """Ask Ray which node this is, and which of its GPUs are this process's."""
    ray: Any = importlib.import_module("ray")
    context = ray.get_runtime_context()
    return Node(
        id=context.get_node_id(),
        ip=ray.util.get_node_ip_address(),
        hostname=socket.gethostname(),
        gpus=gpus.given(context.get_accelerator_ids().get("GPU", ())),
    )
