"""One Ray Serve application per deployment: each replica supervises one engine.

Ray is imported lazily, so that the rest can be read and checked where it is not installed.
"""

import importlib
import logging
import os
from collections.abc import Mapping
from typing import Any

from vllm_manager_engine import placement
from vllm_manager_engine.spec import Identity, ReplicaSpec
from vllm_manager_engine.supervisor import EngineFailed, Supervisor
from vllm_manager_engine.warm import node, room, wire

DEPLOYMENT = "replica"

log = logging.getLogger("ray.serve")

# Serve calls a replica unhealthy after three failed checks in a row. The check itself answers at
# once; the time-out is for a replica process that is starved of CPU.
_HEALTH_PERIOD_SECONDS = 1.0
_HEALTH_TIMEOUT_SECONDS = 30.0
# Beyond the drain: last report, SIGTERM, kill.
_SHUTDOWN_EXTRA_SECONDS = 20.0


class Replica:
    """What Serve starts, checks and ends. Requests go past it, from gateway to engine."""

    async def __init__(self, args: dict[str, Any]) -> None:
        """Return once the engine has generated a token, so that Serve keeps the replica that this
        one replaces until then.

        Raises:
            RuntimeError: the engine did not start; the message tells cause and proof, since it is
                what Serve shows.
        """
        spec, identity = ReplicaSpec.from_args(args), _identity()
        warmer = wire.address(identity.node.id) if spec.warm and room.is_linux() else None
        self._supervisor = Supervisor(spec, identity, warmer=warmer, prospect=node.prospect)
        try:
            await self._supervisor.start()
        except EngineFailed as error:
            raise RuntimeError(str(error)) from None

    async def check_health(self) -> None:
        try:
            await self._supervisor.check()
        except EngineFailed as error:
            raise RuntimeError(str(error)) from None

    async def __del__(self) -> None:  # Serve awaits it
        supervisor = getattr(self, "_supervisor", None)
        if supervisor is not None:
            await supervisor.stop()


def build(args: Mapping[str, Any]) -> Any:
    """Return the Serve application for `args` (see `docs/reference/protocols.md`)."""
    serve: Any = importlib.import_module("ray.serve")
    spec = ReplicaSpec.from_args(args)
    deployment = serve.deployment(
        Replica,
        name=DEPLOYMENT,
        max_constructor_retry_count=1,
        health_check_period_s=_HEALTH_PERIOD_SECONDS,
        health_check_timeout_s=_HEALTH_TIMEOUT_SECONDS,
        graceful_shutdown_wait_loop_s=0.1,
        graceful_shutdown_timeout_s=spec.drain_seconds + _SHUTDOWN_EXTRA_SECONDS,
        ray_actor_options={"num_cpus": spec.cpus, "num_gpus": spec.gpus},
    )
    return deployment.bind(dict(args))


def _identity() -> Identity:
    """Ask Ray which replica on which node this is."""
    serve: Any = importlib.import_module("ray.serve")
    context = serve.get_replica_context()
    log.info("Supervising an engine from process %d", os.getpid())
    return Identity(replica_id=context.replica_id.unique_id, node=placement.this_node())
