"""Builds what watches the others: samples and alerts."""

from dataclasses import dataclass

from vllm_manager.api.people import People
from vllm_manager.audit import AuditLog
from vllm_manager.cluster import Cluster, WarmerBoard
from vllm_manager.db import Database
from vllm_manager.deployments import DeploymentsRoom
from vllm_manager.gateway.publisher import SnapshotPublisher
from vllm_manager.hardware import Hardware
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.topics import Hub
from vllm_manager.monitoring.alerts.build import AlertsRoom
from vllm_manager.monitoring.alerts.build import build as build_alerts
from vllm_manager.monitoring.alerts.looking import Rooms
from vllm_manager.monitoring.alerts.receivers import Receivers
from vllm_manager.monitoring.alerts.service import Alerts
from vllm_manager.monitoring.samples import Samples, SamplesRoom, Sources
from vllm_manager.monitoring.samples import build as build_samples
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
    publisher: SnapshotPublisher


@dataclass(frozen=True, slots=True)
class Monitoring:
    """What the routes ask for, under the names they ask by."""

    samples: Samples
    alerts: Alerts
    receivers: Receivers


@dataclass(frozen=True, slots=True)
class MonitoringRoom:
    """What is asked for, and what runs beside it."""

    services: Monitoring
    samples: SamplesRoom
    alerts: AlertsRoom

    async def start(self) -> None:
        await self.samples.start()
        self.alerts.start()

    async def stop(self) -> None:
        await self.alerts.stop()
        await self.samples.stop()


def build(watched: Watched) -> MonitoringRoom:
    """Return the room; nothing runs until its `start`."""
    samples = build_samples(
        watched.database, watched.deployments.lease, _sources(watched), watched.clock
    )
    alerts = build_alerts(
        watched.settings,
        watched.database,
        _rooms(watched, samples),
        lambda: watched.deployments.lease.is_mine,
        watched.hub,
        watched.clock,
    )
    services = Monitoring(samples.service, alerts.alerts, alerts.receivers)
    return MonitoringRoom(services, samples, alerts)


def _sources(watched: Watched) -> Sources:
    publisher = watched.publisher
    return Sources(
        hardware=watched.hardware,
        reports=watched.deployments.service.reports,
        machines=watched.warmers.machines,
        gateway_pids=lambda: [w.pid for w in publisher.workers() if w.pid is not None],
        run_dir=watched.settings.run_dir,
    )


def _rooms(watched: Watched, samples: SamplesRoom) -> Rooms:
    publisher = watched.publisher
    return Rooms(
        deployments=watched.deployments.service,
        hardware=watched.hardware,
        cluster=watched.cluster,
        keys=watched.people.keys,
        audit=watched.audit,
        board=samples.board,
        gateway_workers=lambda: len(publisher.workers()),
        certificate=watched.settings.tls_certificate,
    )
