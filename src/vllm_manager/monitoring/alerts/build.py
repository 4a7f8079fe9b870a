"""Puts alerts together: what looks, what delivers, and what people ask."""

from collections.abc import Callable
from dataclasses import dataclass

from vllm_manager.db import Database
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.loops import Loop
from vllm_manager.kit.topics import Hub
from vllm_manager.kit.vault import Vault
from vllm_manager.monitoring.alerts.channels import MailServer
from vllm_manager.monitoring.alerts.delivering import Delivering
from vllm_manager.monitoring.alerts.looking import Looking, Rooms
from vllm_manager.monitoring.alerts.receivers import Receivers
from vllm_manager.monitoring.alerts.service import Alerts
from vllm_manager.monitoring.alerts.watcher import Watcher
from vllm_manager.settings import Settings

TOPIC = "alerts"
_LOOK_SECONDS = 5.0
_DELIVER_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class AlertsRoom:
    """What the routes ask for, and the loops to run beside it."""

    alerts: Alerts
    receivers: Receivers
    loops: tuple[Loop, ...]

    def start(self) -> None:
        for loop in self.loops:
            loop.start()

    async def stop(self) -> None:
        for loop in self.loops:
            await loop.stop()


def build(
    settings: Settings,
    database: Database,
    rooms: Rooms,
    is_acting: Callable[[], bool],
    hub: Hub,
    clock: Clock,
) -> AlertsRoom:
    """Return the room for these settings. `is_acting`: whether this control plane acts."""
    vault = Vault(settings.secrets_dir / "vault_key")
    delivering = Delivering(
        database, clock, vault, _mail_server(settings), settings.public_url, settings.ca_file
    )

    async def deliver() -> None:
        if is_acting():
            await delivering.step()

    deliveries = Loop("alerts:deliveries", deliver, _DELIVER_SECONDS)

    def told() -> None:
        hub.publish(TOPIC, f"{TOPIC}_changed", {})
        deliveries.nudge()

    watcher = Watcher(database, clock, Looking(rooms, clock).facts, is_acting, told)
    return AlertsRoom(
        Alerts(database, clock, watcher.is_unknown, told),
        Receivers(database, clock, vault, delivering),
        (Loop("alerts", watcher.step, _LOOK_SECONDS), deliveries),
    )


def _mail_server(settings: Settings) -> MailServer | None:
    if settings.smtp_url is None or settings.mail_from is None:
        return None
    return MailServer(settings.smtp_url.get_secret_value(), settings.mail_from)
