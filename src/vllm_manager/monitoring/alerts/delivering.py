"""Delivers what receivers are owed: at least once, again after failures, for a day."""

import asyncio
import logging
import ssl
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, cast

from vllm_manager.db import Database
from vllm_manager.kit.certificates import PairRefused, system_trust
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.vault import Vault
from vllm_manager.monitoring.alerts import store
from vllm_manager.monitoring.alerts.channels import MailServer, NotDelivered, post
from vllm_manager.monitoring.alerts.messages import mail, signature, webhook_body
from vllm_manager.monitoring.alerts.schemas import Alert, Event
from vllm_manager.monitoring.alerts.tables import AlertRow, DeliveryRow, ReceiverRow
from vllm_manager.monitoring.alerts.views import alert_view

log = logging.getLogger(__name__)

_AT_ONCE: Final = 20
_FIRST_WAIT: Final = timedelta(seconds=10)
_LONGEST_WAIT: Final = timedelta(minutes=15)
_GIVEN_UP_AFTER: Final = timedelta(days=1)
FOR_TARGETS: Final = "alert-target"
FOR_SIGNING: Final = "alert-secret"


class Delivering:
    """Works off the list of what is owed. A message goes out twice where a process dies between the
    sending and the noting: its id is the same both times."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        vault: Vault,
        mail_server: MailServer | None,
        public_url: str | None,
        ca_file: Path | None = None,
    ) -> None:
        """`ca_file`: authorities that are trusted beside the system's."""
        self._database = database
        self._clock = clock
        self._vault = vault
        self._mail_server = mail_server
        self._public_url = public_url
        self._ca_file = ca_file
        self._trust: ssl.SSLContext | None = None

    async def step(self) -> None:
        """Deliver what is due now."""
        async with self._database.read() as session:
            due = await store.due(session, self._clock.now(), _AT_ONCE)
        for delivery, alert, receiver in due:
            problem = await self._try(delivery.id, cast("Event", delivery.event), alert, receiver)
            await self._note(delivery, problem)

    async def send(self, event: Event, delivery_id: str, alert: Alert, to: ReceiverRow) -> None:
        """Send one message now.

        Raises:
            NotDelivered: it did not arrive.
            Problem: the address can't be opened (`vault_locked`).
        """
        target = self._vault.open(to.sealed_target, f"{FOR_TARGETS}:{to.id}")
        url = f"{self._public_url}/alerts" if self._public_url else None
        if to.kind == "email":
            if self._mail_server is None:
                raise NotDelivered(
                    "No mail server is set: set VLLM_MANAGER_SMTP_URL and VLLM_MANAGER_MAIL_FROM."
                )
            await self._mail_server.send(
                mail(event, delivery_id, alert, url), target, await self._trusted()
            )
            return
        body = webhook_body(event, delivery_id, alert, url)
        headers: dict[str, str] = {}
        if to.sealed_secret is not None:
            secret = self._vault.open(to.sealed_secret, f"{FOR_SIGNING}:{to.id}")
            headers["x-vllm-manager-signature"] = signature(secret, body)
        await post(target, body, headers, await self._trusted())

    async def _trusted(self) -> ssl.SSLContext:
        if self._trust is None:  # reads every certificate authority: tens of milliseconds
            try:
                self._trust = await asyncio.to_thread(system_trust, self._ca_file)
            except PairRefused as error:
                raise NotDelivered(str(error)) from error
        return self._trust

    async def _try(
        self, delivery_id: str, event: Event, row: AlertRow, receiver: ReceiverRow
    ) -> str | None:
        """Return why it did not work, or None."""
        try:
            await self.send(event, delivery_id, alert_view(row, (), is_unknown=False), receiver)
        except Exception as error:
            if not isinstance(error, NotDelivered):
                log.exception("%s could not be told", receiver.name)
            return str(error)
        return None

    async def _note(self, tried: DeliveryRow, problem: str | None) -> None:
        now = self._clock.now()
        async with self._database.unit_of_work() as session:
            delivery = await store.delivery(session, tried.id)
            receiver = await store.receiver(session, tried.receiver_id)
            if delivery is None or receiver is None:
                return
            note(receiver, problem, now)
            if problem is None or now - delivery.created_at >= _GIVEN_UP_AFTER:
                await session.delete(delivery)
                if problem is not None:
                    log.error("%s was not told, for a day: %s", receiver.name, problem)
                return
            delivery.tries += 1
            delivery.due_at = now + min(_FIRST_WAIT * 2 ** (delivery.tries - 1), _LONGEST_WAIT)


def note(receiver: ReceiverRow, problem: str | None, now: datetime) -> None:
    """Keep whether it worked with the receiver, for people to see."""
    if problem is None:
        receiver.delivered_at, receiver.last_error = now, None
    else:
        receiver.failed_at, receiver.last_error = now, problem
