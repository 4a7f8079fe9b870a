"""Builds what watches the others: samples, both sides of Prometheus, and alerts."""

from dataclasses import dataclass

from vllm_manager.api.gateway_figures import GatewayCollector
from vllm_manager.api.people import People
from vllm_manager.audit import AuditLog
from vllm_manager.cluster import Cluster, WarmerBoard
from vllm_manager.db import Database
from vllm_manager.deployments import DeploymentsRoom
from vllm_manager.gateway.requests.board import RequestBoard
from vllm_manager.hardware import Hardware
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.topics import Hub
from vllm_manager.monitoring.alerts.build import AlertsRoom
from vllm_manager.monitoring.alerts.build import build as build_alerts
from vllm_manager.monitoring.alerts.looking import Rooms
from vllm_manager.monitoring.alerts.receivers import Receivers
from vllm_manager.monitoring.alerts.service import Alerts
from vllm_manager.monitoring.logs import BrowserErrors, Logs, ProductLogs
from vllm_manager.monitoring.prometheus import EngineMetrics, PrometheusHistory
from vllm_manager.monitoring.samples import Board, Samples, SamplesRoom, Sources
from vllm_manager.monitoring.samples import build as build_samples
from vllm_manager.monitoring.slowness import Slowness
from vllm_manager.settings import Settings


@dataclass(frozen=True, slots=True)
class Watched:
    """The rooms that are watched, and what everything stands on."""

    settings: Settings
    clock: Clock
    database: Database
    hub: Hub
    people: People
    audit: AuditLog
    deployments: DeploymentsRoom
    hardware: Hardware
    cluster: Cluster
    warmers: WarmerBoard
    requests: RequestBoard


@dataclass(frozen=True, slots=True)
class Monitoring:
    """What the routes ask for, under the names they ask by, and what runs behind it."""

    samples: Samples
    slowness: Slowness
    logs: Logs
    board: Board
    alerts: Alerts
    receivers: Receivers
    engine_metrics: EngineMetrics
    samples_room: SamplesRoom
    alerts_room: AlertsRoom
    history: PrometheusHistory | None

    async def start(self) -> None:
        """Begin to measure, and to look at it."""
        await self.samples_room.start()
        self.alerts_room.start()

    async def stop(self) -> None:
        """End it, and every connection."""
        await self.alerts_room.stop()
        await self.samples_room.stop()
        await self.engine_metrics.close()
        if self.history is not None:
            await self.history.close()


def build(watched: Watched) -> Monitoring:
    """Return the services; nothing runs until `start`."""
    deployments, clock = watched.deployments, watched.clock
    history = PrometheusHistory.of(watched.settings, clock)
    samples = build_samples(watched.database, deployments.lease, _sources(watched), clock, history)
    alerts = build_alerts(
        watched.settings,
        watched.database,
        _rooms(watched, samples.board),
        lambda: deployments.lease.is_mine,
        watched.hub,
        clock,
    )
    return Monitoring(
        samples=samples.service,
        slowness=Slowness(samples.service, deployments.service, clock),
        logs=Logs(ProductLogs(watched.settings.logs_dir), BrowserErrors(clock)),
        board=samples.board,
        alerts=alerts.alerts,
        receivers=alerts.receivers,
        engine_metrics=EngineMetrics(deployments.service.routes),
        samples_room=samples,
        alerts_room=alerts,
        history=history,
    )


def _sources(watched: Watched) -> Sources:
    """Return whom the samples are asked from; other rooms' collectors are in `more`."""
    return Sources(
        hardware=watched.hardware,
        reports=watched.deployments.service.reports,
        machines=watched.warmers.machines,
        gateways=lambda: {
            heard.number: heard.pid
            for heard in watched.requests.heard()
            if heard.number is not None
        },
        run_dir=watched.settings.run_dir,
        more=(GatewayCollector(watched.requests),),
    )


def _rooms(watched: Watched, board: Board) -> Rooms:
    """Return what alerts are about."""
    return Rooms(
        deployments=watched.deployments.service.views,
        machine=watched.hardware.snapshot,
        ray=watched.cluster.status,
        nodes=watched.cluster.nodes_if_known,
        keys=watched.people.keys.ending,
        unfinished_audit_entries=lambda: watched.audit.unfinished,
        board=board,
        gateway_workers=lambda: len(watched.requests.heard()),
        certificate=watched.settings.tls_certificate,
    )
