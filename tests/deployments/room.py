"""A deployments room on real SQLite, with an engine cluster in memory and a clock to move."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fakes.clock import FakeClock
from fakes.engine import FakeEngine
from fakes.models import FakeFacts, FakeFit, FakeModels
from support.databases import database_url
from vllm_manager.cluster import Cluster, RayRest
from vllm_manager.configs import EngineArguments, EnvironmentVault, RecipeChecks, Recipes
from vllm_manager.db import Base, Database, Lease
from vllm_manager.deployments.checks import Checks
from vllm_manager.deployments.fetching import Fetcher
from vllm_manager.deployments.logs import LogStore
from vllm_manager.deployments.memory import Memory
from vllm_manager.deployments.plan import Policy
from vllm_manager.deployments.planning import Planning
from vllm_manager.deployments.reconciler import Reconciler
from vllm_manager.deployments.reports import ReportBody
from vllm_manager.deployments.schemas import Deployment, DeploymentRequest
from vllm_manager.deployments.service import Deployments
from vllm_manager.deployments.vetting import Vetting
from vllm_manager.kit.process import ProcessIdentity, own_identity
from vllm_manager.kit.topics import Hub
from vllm_manager.kit.vault import Vault
from vllm_manager.operations import Operations

ARGUMENTS = Path(__file__).parent.parent / "fixtures" / "engine_arguments.json"
POLICY = Policy(
    retry_attempts=5,
    retry_base_seconds=10,
    phase_deadline_seconds=600,
    start_deadline_seconds=1800,
)


async def _no_gpus() -> float:
    return 0


def _arguments_in(folder: Path) -> EngineArguments:
    """Return a list of arguments that a test may change."""
    file = folder / "arguments.json"
    if not file.exists():
        shutil.copy(ARGUMENTS, file)
    return EngineArguments(file)


class Room:
    """One control plane's deployments; `reopen` is its restart after a crash."""

    def __init__(
        self,
        folder: Path,
        engine: FakeEngine | None = None,
        clock: FakeClock | None = None,
        identity: ProcessIdentity | None = None,
        models: FakeModels | None = None,
    ) -> None:
        self.folder = folder
        self.engine = engine or FakeEngine()
        self.clock = clock or FakeClock()
        self.hub = Hub("epoch")
        self.database = Database(database_url(folder))
        self.operations = Operations(self.database, self.hub, self.clock)
        self.memory = Memory(self.hub, self.clock, POLICY, silence_seconds=10)
        self.lease = Lease(self.database, "reconciler", identity or own_identity(), 10, self.clock)
        self.models = models or FakeModels()
        self.facts = FakeFacts()
        self.fit = FakeFit()
        known = _arguments_in(folder)
        vault, checks = EnvironmentVault(Vault(folder / "vault_key")), RecipeChecks(known)
        own = (self.clock, self._config_users, self._nudge, vault)
        self.recipes = Recipes(self.database, checks, *own)
        planning = Planning(self.recipes, self.fit, Vetting(self.facts, self.facts.allowed), vault)
        self.reconciler = Reconciler(
            self.database,
            self.engine,
            self.memory,
            self.operations,
            self.lease,
            self.clock,
            _no_gpus,
            Fetcher(self.database, self.memory, self.models, planning.vetting, self.lease),
            self.recipes.newest_versions,
            vault,
        )
        self.nudges = 0
        self.service = Deployments(
            self.database,
            self.memory,
            self.operations,
            Cluster(RayRest("http://127.0.0.1:1", folder / "no-token")),
            Checks(known, ray_is_local=True, allow_fake=True),
            planning,
            LogStore(folder / "logs"),
            self.hub,
            self.clock,
            self._nudge,
        )
        self._sequence = 0

    async def _config_users(self) -> Mapping[str, Sequence[str]]:
        return await self.service.config_users()

    def _nudge(self) -> None:
        self.nudges += 1

    async def open(self) -> "Room":
        async with self.database.engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        await self.lease.hold()
        return self

    async def reopen(self) -> "Room":
        """Forget all that is not in the database or on the cluster."""
        await self.database.close()
        again = Room(self.folder, self.engine, self.clock, models=self.models)
        again._sequence = self._sequence
        return await again.open()

    async def step(self, times: int = 1) -> None:
        for _ in range(times):
            await self.reconciler.step()

    async def pass_time(self, seconds: float) -> None:
        """Let time pass, with a step at its end."""
        self.clock.advance(seconds)
        await self.step()

    async def create(self, name: str = "demo", **fields: Any) -> Deployment:
        model = {} if "config" in fields else {"model": "demo"}
        asked = DeploymentRequest.model_validate({"name": name, **model, **fields})
        return (await self.service.create(asked)).deployment

    async def get(self, name: str = "demo") -> Deployment:
        return await self.service.get(name)

    async def report(self, replica_id: str, phase: str, name: str = "demo", **fields: Any) -> None:
        """Post a report of this replica, for the launch that the cluster holds now."""
        identity = self.engine.applications[name].identity
        assert identity is not None
        self._sequence += 1
        body: dict[str, Any] = {
            "deployment": name,
            "uid": identity.uid,
            "generation": identity.generation,
            "attempt": identity.attempt,
            "replica_id": replica_id,
            "incarnation": f"life-of-{replica_id}",
            "sequence": self._sequence,
            "endpoint": "http://127.0.0.1:40000",
            "secret": "s3cret",
            "phase": phase,
            "phase_seconds": 1.0,
            "idle_seconds": 0.1,
        }
        await self.service.report(ReportBody.model_validate({**body, **fields}))

    async def serve(self, name: str = "demo", **fields: Any) -> str:
        """Create a deployment and bring it to ready; return its replica's id."""
        await self.create(name, **fields)
        await self.step()
        replica_id = self.engine.place(name)
        await self.report(replica_id, "ready", name)
        await self.step()
        return replica_id

    async def close(self) -> None:
        await self.database.close()
