"""Where Ray has placed this process."""

import importlib
import socket
from typing import Any

from vllm_manager_engine.spec import Node


def this_node() -> Node:
    """Ask Ray which node this is."""
    ray: Any = importlib.import_module("ray")
    return Node(
        id=ray.get_runtime_context().get_node_id(),
        ip=ray.util.get_node_ip_address(),
        hostname=socket.gethostname(),
    )
