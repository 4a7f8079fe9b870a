"""Ray Serve as the engine cluster, through Ray's public REST API."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

from vllm_manager.cluster import RayRest, RayUnavailableError
from vllm_manager.deployments.engine import EngineUnavailableError, Launch
from vllm_manager.deployments.observed import Identity, Observation, SeenApplication, SeenReplica
from vllm_manager.kit.clock import Clock, SystemClock

_IMPORT_PATH = "vllm_manager_engine.serve_app:build"
WARMER = "vllm-manager.warmer"
"""The application that keeps warm starts possible, and tells what other nodes take. No deployment
can have a name with a dot.
"""
_WARMER_PATH = "vllm_manager_engine.warm.node:build"
_NODES_SECONDS = 10.0
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_ANSI = re.compile(r"\x1b\[[0-9;]*m")

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ReplicaSettings:
    """What every replica is told beside its deployment."""

    report_url: str
    start_deadline_seconds: float
    idle_deadline_seconds: float
    drain_seconds: float
    warm: bool = False
    otlp_endpoint: str | None = None
    """Where engines send their spans; None: nowhere."""


@dataclass(frozen=True, slots=True)
class WarmerSettings:
    """What the warmer of each node is to hold; see `docs/decisions/0022-warm-starts.md`."""

    spares: int
    """0: every start is a cold one. Where there are other nodes, each tells what it takes all the
    same.
    """
    memory_bytes: int
    models: str | None = None
    """The folder that models are kept in, which other nodes may have as well."""


class RayServeEngine:
    """Turns launches into Serve applications, one per deployment, and reads them back."""

    def __init__(
        self,
        ray: RayRest,
        replica: ReplicaSettings,
        warmer: WarmerSettings | None = None,
        clock: Clock | None = None,
    ) -> None:
        """`warmer` is None where there is to be none on any node."""
        self._ray = ray
        self._replica = replica
        self._warmer = warmer
        self._clock = clock or SystemClock()
        self._nodes = 1
        self._nodes_due = 0.0
        self._is_here = urlsplit(ray.url).hostname in _LOOPBACK
        """Whether Ray's head is on this machine."""

    async def observe(self) -> Observation:
        try:
            details = await self._ray.applications()
        except RayUnavailableError as error:
            return Observation(reachable=False, error=str(error))
        applications = dict(_mapping(details.get("applications")))
        warmer = _mapping(applications.pop(WARMER, None))
        await self._count_nodes()
        return Observation(
            reachable=True,
            prepared=bool(details.get("controller_info")) and self._is_warm_as_asked(warmer),
            applications={
                name: _application(name, _mapping(a)) for name, a in applications.items()
            },
        )

    async def converge(self, launches: Sequence[Launch], observation: Observation) -> None:
        applications = [self._configure(launch, observation) for launch in launches]
        warmer = self._wanted_warmer()
        if warmer is not None:
            applications.insert(0, self._warmer_application(warmer))
        body = {"proxy_location": "Disabled", "applications": applications}
        try:
            await self._ray.put_applications(body)
        except RayUnavailableError as error:
            raise EngineUnavailableError(str(error)) from error

    async def _count_nodes(self) -> None:
        """Learn now and then how many nodes want a warmer; keep the number while Ray is silent."""
        if self._warmer is None or self._clock.monotonic() < self._nodes_due:
            return
        self._nodes_due = self._clock.monotonic() + _NODES_SECONDS
        try:
            nodes = await self._ray.nodes()
        except RayUnavailableError:
            return
        self._nodes = max(1, sum(node.get("state") == "ALIVE" for node in nodes))

    def _wanted_warmer(self) -> WarmerSettings | None:
        """Return the warmer of each node; None where none is to hold or to tell anything."""
        warmer = self._warmer
        is_alone = self._nodes == 1 and self._is_here
        return None if warmer is None or (not warmer.spares and is_alone) else warmer

    def _is_warm_as_asked(self, seen: Json) -> bool:
        warmer = self._wanted_warmer()
        if warmer is None:
            return not seen or seen.get("status") == "DELETING"
        config = _mapping(seen.get("deployed_app_config"))
        wanted = self._warmer_application(warmer)
        return all(config.get(name) == wanted[name] for name in ("args", "import_path")) and (
            _target(config) == self._nodes
        )

    def _warmer_application(self, warmer: WarmerSettings) -> Json:
        return {
            "name": WARMER,
            "route_prefix": None,
            "import_path": _WARMER_PATH,
            "args": {
                "engine": "vllm",
                "spares": warmer.spares,
                "memory_bytes": warmer.memory_bytes,
                "report_url": self._replica.report_url,
                "models": warmer.models,
            },
            "deployments": [{"name": "warmer", "num_replicas": self._nodes}],
        }

    def _configure(self, launch: Launch, observation: Observation) -> Json:
        deployments = [{"name": "replica", "num_replicas": launch.replicas}]
        seen = observation.applications.get(launch.name)
        if seen is not None and seen.identity == launch.identity:
            return {**seen.config, "deployments": deployments}
        return {
            "name": launch.name,
            "route_prefix": None,
            "import_path": _IMPORT_PATH,
            "args": self._arguments(launch),
            "deployments": deployments,
        }

    def _arguments(self, launch: Launch) -> Json:
        return {
            "deployment": launch.name,
            "uid": launch.identity.uid,
            "generation": launch.identity.generation,
            "attempt": launch.identity.attempt,
            "model": launch.model,
            "revision": launch.revision,
            "engine": launch.engine,
            "arguments": list(launch.arguments),
            "environment": dict(launch.environment),
            "secret_names": list(launch.sealed),
            "cpus": launch.cpus,
            "gpus": launch.gpus,
            "tensor_parallel_size": launch.tensor_parallel_size,
            "pipeline_parallel_size": launch.pipeline_parallel_size,
            "trusted_code": launch.trusted_code,
            "report_url": self._replica.report_url,
            "start_deadline_seconds": self._replica.start_deadline_seconds,
            "idle_deadline_seconds": self._replica.idle_deadline_seconds,
            "drain_seconds": self._replica.drain_seconds,
            "warm": self._replica.warm,
            "otlp_endpoint": self._replica.otlp_endpoint,
        }


def _mapping(value: object) -> Json:
    return cast(Json, value) if isinstance(value, Mapping) else {}


def _application(name: str, app: Json) -> SeenApplication:
    config = _mapping(app.get("deployed_app_config"))
    deployments = [_mapping(d) for d in _mapping(app.get("deployments")).values()]
    messages = [str(d.get("message") or "") for d in deployments]
    cause = "\n".join(m for m in messages if m) or str(app.get("message") or "")
    status = app.get("status")
    return SeenApplication(
        name=name,
        identity=_identity(_mapping(config.get("args"))),
        replicas_target=_target(config),
        deploy_failed=status == "DEPLOY_FAILED",
        deleting=status == "DELETING",
        cause=_ANSI.sub("", cause),
        replicas=tuple(_replica(_mapping(r)) for d in deployments for r in d.get("replicas") or ()),
        config=config,
    )


def _identity(args: Json) -> Identity | None:
    uid, generation, attempt = args.get("uid"), args.get("generation"), args.get("attempt")
    if isinstance(uid, str) and isinstance(generation, int) and isinstance(attempt, int):
        return Identity(uid, generation, attempt)
    return None


def _target(config: Json) -> int | None:
    for deployment in config.get("deployments") or ():
        return _mapping(deployment).get("num_replicas")
    return None


def _replica(replica: Json) -> SeenReplica:
    return SeenReplica(
        replica_id=str(replica.get("replica_id")),
        state=str(replica.get("state")),
        node_id=replica.get("node_id"),
        node_ip=replica.get("node_ip"),
        pid=replica.get("pid"),
    )
