"""An engine cluster in memory: takes sets as Ray Serve does, and does what tests tell it."""

from collections.abc import Sequence
from dataclasses import replace

from vllm_manager.deployments.engine import EngineUnavailableError, Launch
from vllm_manager.deployments.observed import Observation, SeenApplication, SeenReplica


class FakeEngine:
    """Holds applications by name; replicas appear when a test places them."""

    def __init__(self) -> None:
        self.applications: dict[str, SeenApplication] = {}
        self.reachable = True
        self.sent: list[list[Launch]] = []
        self._replicas = 0

    async def observe(self) -> Observation:
        if not self.reachable:
            return Observation(reachable=False, error="no answer")
        return Observation(reachable=True, applications=dict(self.applications))

    async def converge(self, launches: Sequence[Launch], observation: Observation) -> None:
        if not self.reachable:
            raise EngineUnavailableError("no answer")
        self.sent.append(list(launches))
        self.applications = {launch.name: self._take(launch) for launch in launches}

    def _take(self, launch: Launch) -> SeenApplication:
        seen = self.applications.get(launch.name)
        if seen is not None and seen.identity == launch.identity:
            return replace(seen, replicas_target=launch.replicas)
        return SeenApplication(
            name=launch.name,
            identity=launch.identity,
            replicas_target=launch.replicas,
            deploy_failed=False,
            deleting=False,
            cause="",
            replicas=(),
            config={"import_path": "engine"},
        )

    def place(self, name: str, state: str = "RUNNING") -> str:
        """Add a replica to an application and return its id."""
        self._replicas += 1
        replica = SeenReplica(f"replica-{self._replicas}", state, "node-1", "127.0.0.1", 4711)
        app = self.applications[name]
        self.applications[name] = replace(app, replicas=(*app.replicas, replica))
        return replica.replica_id

    def lose(self, name: str, replica_id: str) -> None:
        """Take a replica away, as when its process was killed."""
        app = self.applications[name]
        left = tuple(r for r in app.replicas if r.replica_id != replica_id)
        self.applications[name] = replace(app, replicas=left)

    def give_up(self, name: str, cause: str) -> None:
        """Do as Serve does when a constructor failed."""
        app = self.applications[name]
        self.applications[name] = replace(app, deploy_failed=True, cause=cause, replicas=())

    def plant(self, application: SeenApplication) -> None:
        """Run an application that nobody asked for."""
        self.applications[application.name] = application
