"""Alerts over a world that tests change, and a real mail server."""

import secrets
import ssl
from dataclasses import replace
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from fakes.clock import FakeClock
from support.certificates import Authority
from support.gateway import free_port
from vllm_manager.auth import Principal
from vllm_manager.db import Database
from vllm_manager.kit.vault import Vault
from vllm_manager.monitoring.alerts.channels import MailServer
from vllm_manager.monitoring.alerts.delivering import Delivering
from vllm_manager.monitoring.alerts.facts import DiskFact, Facts
from vllm_manager.monitoring.alerts.receivers import Receivers
from vllm_manager.monitoring.alerts.schemas import Receiver, ReceiverRequest
from vllm_manager.monitoring.alerts.service import Alerts
from vllm_manager.monitoring.alerts.watcher import Watcher

OPERATOR = Principal("usr_1", "ada", "operator", None, "ses_1", None, None, None)


class Room:
    """Alerts over a world that tests change: `seen` is what the next look finds."""

    def __init__(self, database: Database, folder: Path, mail: MailServer | None, ca: Path) -> None:
        self.clock = FakeClock()
        self.seen: dict[str, Any] = {}
        self.is_acting = True
        self.told = 0
        vault = Vault(folder / "vault_key")
        self._database = database
        self.watcher = self._new_watcher()
        self.alerts = Alerts(database, self.clock, self._is_unknown, self._tell)
        self.delivering = Delivering(
            database, self.clock, vault, mail, "https://models.example.com", ca
        )
        self.receivers = Receivers(database, self.clock, vault, self.delivering)

    def _new_watcher(self) -> Watcher:
        return Watcher(self._database, self.clock, self._look, lambda: self.is_acting, self._tell)

    def restart(self) -> None:
        """Let the process that looks be another one."""
        self.watcher = self._new_watcher()

    async def look(self, after_seconds: float = 0, **seen: Any) -> None:
        """Let time pass, and look."""
        self.clock.advance(after_seconds)
        self.seen = seen
        await self.watcher.step()

    async def _look(self) -> Facts:
        facts = Facts(at=self.clock.now(), monotonic=self.clock.monotonic())
        return replace(facts, **self.seen)

    def _is_unknown(self, rule: str, subject: str) -> bool:
        return self.watcher.is_unknown(rule, subject)

    def _tell(self) -> None:
        self.told += 1


class Mailbox:
    """A real SMTP server that keeps what it is given."""

    def __init__(self, authority: Authority) -> None:
        self.mails: list[Envelope] = []
        self.password = self.first_password = secrets.token_urlsafe(12)
        pair = authority.pair("mail")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.certificate, pair.key)
        self._server = Controller(
            self,
            hostname="127.0.0.1",
            port=free_port(),
            tls_context=context,
            authenticator=self._check,
            auth_required=True,
        )
        self._server.start()

    @property
    def port(self) -> int:
        return self._server.port

    def change_password(self) -> None:
        """Let the password that the product knows be wrong."""
        self.password = secrets.token_urlsafe(12)

    def close(self) -> None:
        self._server.stop()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.mails.append(envelope)
        return "250 kept"

    def _check(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        is_right = isinstance(data, LoginPassword) and data.password == self.password.encode()
        return AuthResult(success=is_right, handled=False)


def disk(free_gib: float) -> Any:
    """Return a disk of 100 GiB with that much room."""
    return [DiskFact("models", "/srv/models", int(free_gib * 2**30), 100 * 2**30)]


async def webhook(room: Room, url: str, **asked: Any) -> Receiver:
    """Add a receiver on the web."""
    body = {"name": "on-call", "kind": "webhook", "target": f"{url}/hooks/s3cr3t", **asked}
    return await room.receivers.create(ReceiverRequest.model_validate(body))
