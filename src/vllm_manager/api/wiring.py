"""Builds every room's service, joins them, and runs their loops: the only place that knows all."""

import json
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from vllm_manager.api.events import Events, Snapshot
from vllm_manager.api.models import Models
from vllm_manager.api.models import build as build_models
from vllm_manager.api.monitoring import Monitoring, Watched
from vllm_manager.api.monitoring import build as build_monitoring
from vllm_manager.api.people import People
from vllm_manager.api.people import build as build_people
from vllm_manager.api.system import EngineSeen, Facts
from vllm_manager.audit import AuditLog
from vllm_manager.auth import ensure_administrator
from vllm_manager.cluster import Cluster, RayRest, WarmerBoard
from vllm_manager.db import Database
from vllm_manager.deployments import DeploymentRequest, Deployments, DeploymentsRoom
from vllm_manager.deployments import build as build_deployments
from vllm_manager.deployments.adapters import RayServeEngine, ReplicaSettings, WarmerSettings
from vllm_manager.downloads.build import DownloadsRoom
from vllm_manager.downloads.library import Library
from vllm_manager.downloads.service import Downloads
from vllm_manager.gateway.publisher import Routes, SnapshotPublisher
from vllm_manager.gateway.requests.board import RequestBoard
from vllm_manager.gateway.requests.captures import Captures
from vllm_manager.gateway.requests.service import Requests
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.errors import Problem
from vllm_manager.kit.loops import Loop
from vllm_manager.kit.process import own_identity
from vllm_manager.kit.secrets import new_token, read_or_create
from vllm_manager.kit.topics import Hub
from vllm_manager.operations import Operations
from vllm_manager.settings import Settings

log = logging.getLogger(__name__)

_HOUSEKEEPING_SECONDS = 3600.0
_DAY_SECONDS = 86_400.0
_DEMO = DeploymentRequest(name="demo", model="demo", arguments={"max_model_len": 1024})


class Nudge:
    """Passes a nudge on to loops that are built later than whoever nudges."""

    def __init__(self) -> None:
        self.target: Callable[[], None] | None = None

    def __call__(self) -> None:
        if self.target is not None:
            self.target()


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that the routes ask for, under the names they ask by."""

    people: People
    models: Models
    audit: AuditLog
    operations: Operations
    deployments: Deployments
    cluster: Cluster
    warmers: WarmerBoard
    publisher: SnapshotPublisher
    requests: Requests
    events: Events
    facts: Facts
    monitoring: Monitoring
    internal_token: str
    report_token: str

    def close_streams(self) -> None:
        """End what would otherwise last for ever, so that the process can stop."""
        self.events.close()
        self.publisher.close()


def attach(app: FastAPI, services: Services) -> None:
    """Place the services where the routes look for them."""
    for group in (services, services.people, services.models, services.monitoring):
        for name in type(group).__slots__:
            setattr(app.state, name, getattr(group, name))
    app.state.close_streams = services.close_streams


@asynccontextmanager
async def running(settings: Settings, clock: Clock) -> AsyncGenerator[Services]:
    """Open the database, see that an administrator exists, and run every loop."""
    database = Database(settings.database)
    try:
        admin_file = settings.secrets_dir / "admin.json"
        if await ensure_administrator(database, clock, admin_file):
            log.info("A first administrator was made; name, password and key are in %s", admin_file)
        ray = RayRest(settings.ray_url, settings.ray_token_file)
        services, rooms = _build(settings, clock, database, ray)
        if settings.demo:
            await _deploy_demo(services.deployments)
        # Each is stopped whatever the others do, the last first.
        async with AsyncExitStack() as stops:
            for close in (ray.close, services.models.catalog.close, services.people.sign_on.close):
                stops.push_async_callback(close)
            for room in rooms:
                stops.push_async_callback(room.stop)
                await room.start()
            for loop in (services.publisher.loop, _housekeeping(services, settings)):
                stops.push_async_callback(loop.stop)
                loop.start()
            stops.callback(services.close_streams)
            yield services
    finally:
        await database.close()


async def _deploy_demo(deployments: Deployments) -> None:
    """Deploy the demo model on a fresh installation; a refusal must not stop everything else."""
    try:
        await deployments.create_first(_DEMO)
    except Problem as problem:
        log.warning("The demo model was not deployed: %s", problem.details.detail)


def _build(
    settings: Settings, clock: Clock, database: Database, ray: RayRest
) -> tuple[Services, tuple[DownloadsRoom, Library, DeploymentsRoom, Monitoring]]:
    hub, credentials_changed = Hub(new_token()), Nudge()
    people = build_people(settings, database, clock, hub, credentials_changed)
    operations = Operations(database, hub, clock)
    cluster, warmers = Cluster(ray), WarmerBoard(clock)
    models = build_models(settings, database, clock, hub, operations, cluster, lambda: room)
    engine = RayServeEngine(ray, _replica_settings(settings), _warmer_settings(settings), clock)
    room = build_deployments(settings, database, engine, models.below, hub, clock)
    publisher = _publisher(people, room.service, clock, hub)
    credentials_changed.target = publisher.nudge
    snapshots = _snapshots(operations, room.service, models.downloads)
    events = Events(hub, snapshots, people.access, clock)
    audit = AuditLog(database, clock, settings.audit_retention_days)
    requests = RequestBoard(clock)
    seen = build_monitoring(
        Watched(
            settings=settings,
            clock=clock,
            database=database,
            hub=hub,
            people=people,
            audit=audit,
            deployments=room,
            hardware=models.hardware,
            cluster=cluster,
            warmers=warmers,
            requests=requests,
        )
    )
    services = Services(
        people=people,
        models=models,
        audit=audit,
        operations=operations,
        deployments=room.service,
        cluster=cluster,
        warmers=warmers,
        publisher=publisher,
        requests=Requests(requests, Captures(clock), people.subjects, room.service.get),
        events=events,
        facts=_facts(
            settings, clock, database, room, cluster, warmers, publisher, events, requests, seen
        ),
        monitoring=seen,
        internal_token=read_or_create(settings.secrets_dir / "internal_token"),
        report_token=read_or_create(settings.secrets_dir / "report_token"),
    )
    return services, (models.downloads_room, models.library, room, seen)


def _publisher(
    people: People, deployments: Deployments, clock: Clock, hub: Hub
) -> SnapshotPublisher:
    """Return what tells the gateway, as soon as a route is another one."""
    routes = _routes_of(deployments)
    publisher = SnapshotPublisher(people.in_force, people.policies, routes, clock, hub.epoch)
    deployments.on_route_change(publisher.nudge)
    return publisher


def _facts(
    settings: Settings,
    clock: Clock,
    database: Database,
    room: DeploymentsRoom,
    cluster: Cluster,
    warmers: WarmerBoard,
    publisher: SnapshotPublisher,
    events: Events,
    requests: RequestBoard,
    seen: Monitoring,
) -> Facts:
    return Facts(
        identity=own_identity(),
        started_at=clock.now(),
        home_hint=_home_hint(settings.home),
        holder=lambda: room.lease.holder,
        is_leader=lambda: room.lease.is_mine,
        database_answers=lambda: _answers(database),
        standings=room.service.standings,
        cluster=cluster,
        warmers=warmers,
        starts=room.service.start_counts,
        logs=room.service.log_counts,
        publisher=publisher,
        requests=requests,
        events=events,
        engine=lambda: _engine(settings),
        board=seen.board,
    )


def _snapshots(
    operations: Operations, deployments: Deployments, downloads: Downloads
) -> dict[str, Snapshot]:
    return {
        "operations": _operations_of(operations),
        "deployments": _deployments_of(deployments),
        "downloads": _downloads_of(downloads),
    }


def _replica_settings(settings: Settings) -> ReplicaSettings:
    return ReplicaSettings(
        report_url=settings.report_url or settings.control_url,
        start_deadline_seconds=settings.start_deadline_seconds,
        idle_deadline_seconds=settings.phase_deadline_seconds,
        drain_seconds=settings.drain_seconds,
        warm=settings.warm_spares > 0,
        otlp_endpoint=settings.otlp_endpoint,
    )


def _warmer_settings(settings: Settings) -> WarmerSettings:
    models = str(settings.model_store.absolute())
    return WarmerSettings(settings.warm_spares, settings.warm_memory_bytes, models)


def _housekeeping(services: Services, settings: Settings) -> Loop:
    """Forgets what is over: logins, batches of usage, operations, the output of engines."""

    async def step() -> None:
        await services.people.access.prune()
        await services.people.usage.prune()
        await services.audit.prune()
        await services.operations.forget_old()
        await services.models.downloads.forget_old()
        await services.models.catalog.forget_old()
        await services.monitoring.alerts.forget_old()
        await services.deployments.forget_logs(settings.engine_log_retention_days * _DAY_SECONDS)

    return Loop("housekeeping", step, _HOUSEKEEPING_SECONDS)


def _routes_of(deployments: Deployments) -> Routes:
    async def routes() -> Mapping[str, Mapping[str, Any]] | None:
        known = deployments.routes()
        return None if known is None else {r.deployment: r.model_dump(mode="json") for r in known}

    return routes


def _deployments_of(deployments: Deployments) -> Snapshot:
    async def snapshot() -> list[dict[str, Any]]:
        return [view.model_dump(mode="json") for view in await deployments.views()]

    return snapshot


def _downloads_of(downloads: Downloads) -> Snapshot:
    async def snapshot() -> list[dict[str, Any]]:
        return [view.model_dump(mode="json") for view in await downloads.views()]

    return snapshot


def _operations_of(operations: Operations) -> Snapshot:
    async def snapshot() -> list[dict[str, Any]]:
        page = await operations.list(limit=100)
        return [operation.model_dump(mode="json") for operation in page.items]

    return snapshot


async def _answers(database: Database) -> bool:
    try:
        async with database.read() as session:
            await session.execute(text("SELECT 1"))
    except SQLAlchemyError:
        log.warning("The database did not answer", exc_info=True)
        return False
    return True


def _home_hint(home: Path) -> str:
    """Name the home folder without telling who the user is."""
    user_home = Path.home()
    return f"~/{home.relative_to(user_home)}" if home.is_relative_to(user_home) else str(home)


def _engine(settings: Settings) -> EngineSeen:
    """Return what set-up wrote of the installed engine."""
    try:
        found = json.loads(settings.engine_arguments_file.read_bytes())
    except (OSError, ValueError):
        return EngineSeen(name=None, version=None, python=None)
    python = str(settings.engine_python) if settings.engine_python.exists() else None
    return EngineSeen(name=found.get("engine"), version=found.get("version"), python=python)
