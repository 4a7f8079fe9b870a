"""Builds what measures, and what tells of it: the samples, and both sides of Prometheus."""

from dataclasses import dataclass

from vllm_manager.cluster import WarmerBoard
from vllm_manager.db import Database
from vllm_manager.deployments import DeploymentsRoom
from vllm_manager.gateway.publisher import SnapshotPublisher
from vllm_manager.hardware import Hardware
from vllm_manager.kit.clock import Clock
from vllm_manager.monitoring.prometheus import EngineMetrics, PrometheusHistory
from vllm_manager.monitoring.samples import Board, Samples, SamplesRoom, Sources
from vllm_manager.monitoring.samples import build as build_samples
from vllm_manager.settings import Settings


@dataclass(frozen=True, slots=True)
class Monitoring:
    """What the routes ask for, under the names they ask by, and what runs behind it."""

    samples: Samples
    board: Board
    engine_metrics: EngineMetrics
    samples_room: SamplesRoom
    history: PrometheusHistory | None

    async def start(self) -> None:
        """Begin to measure."""
        await self.samples_room.start()

    async def stop(self) -> None:
        """End it, and every connection."""
        await self.samples_room.stop()
        await self.engine_metrics.close()
        if self.history is not None:
            await self.history.close()


def build(
    settings: Settings,
    database: Database,
    clock: Clock,
    deployments: DeploymentsRoom,
    hardware: Hardware,
    warmers: WarmerBoard,
    publisher: SnapshotPublisher,
) -> Monitoring:
    """Return the services; nothing runs until `start`.

    A room that has figures of its own adds its collector to `more`.
    """
    sources = Sources(
        hardware=hardware,
        reports=deployments.service.reports,
        machines=warmers.machines,
        gateway_pids=lambda: [w.pid for w in publisher.workers() if w.pid is not None],
        run_dir=settings.run_dir,
        more=(),
    )
    history = PrometheusHistory.of(settings, clock)
    room = build_samples(database, deployments.lease, sources, clock, history)
    return Monitoring(
        samples=room.service,
        board=room.board,
        engine_metrics=EngineMetrics(deployments.service.routes),
        samples_room=room,
        history=history,
    )
