"""The local runner: Ray, control plane and gateway as background processes under a steward."""

from vllm_manager.cli.runner.lifecycle import down, ensure_steward, stop_services
from vllm_manager.cli.runner.ports import check_ports
from vllm_manager.cli.runner.records import RunFiles, ServiceRecord
from vllm_manager.cli.runner.steward import run_steward
from vllm_manager.cli.runner.watcher import watch_steward

__all__ = [
    "RunFiles",
    "ServiceRecord",
    "check_ports",
    "down",
    "ensure_steward",
    "run_steward",
    "stop_services",
    "watch_steward",
]
