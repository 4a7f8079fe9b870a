"""The ways out: a webhook over HTTP, a mail over SMTP. Each says in words why it did not work."""

import asyncio
import ipaddress
import smtplib
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Final
from urllib.parse import unquote, urlsplit

import httpx

_SECONDS: Final = 10.0
_USUAL_PORTS: Final = {"smtp": 587, "smtps": 465}


class NotDelivered(Exception):
    """A message did not arrive. The text says why, and holds no secret."""


def shown_address(url: str) -> str:
    """Return a webhook's address for people: what follows the host may be a secret."""
    parts = urlsplit(url)
    host = parts.hostname or "?"
    return f"{parts.scheme}://{host}{f':{parts.port}' if parts.port else ''}/…"


def why_no_webhook(url: str) -> str | None:
    """Return why `url` can't be a webhook's address; None where it can."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        return f"This is no address: {error}."
    if parts.scheme not in ("http", "https") or not host or not url.isprintable():
        return "It must begin with https:// (or http:// within your own network)."
    if parts.username is not None:
        return "Leave user and password out of it; use `secret` to sign what is sent."
    return None


async def post(url: str, body: bytes, headers: dict[str, str], trust: ssl.SSLContext) -> None:
    """Post JSON to `url`. Redirects are not followed.

    An administrator may name places within the own network. Refused are link-local addresses,
    where clouds keep the machine's own credentials, and plain HTTP to the Internet.

    Raises:
        NotDelivered: it did not arrive.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    address = _allowed(await _look_up(host, port), host, is_plain=parts.scheme == "http")
    pinned = httpx.URL(url).copy_with(host=address)
    sent = {**headers, "content-type": "application/json", "host": parts.netloc}
    try:
        async with httpx.AsyncClient(timeout=_SECONDS, trust_env=False, verify=trust) as client:
            answer = await client.post(
                pinned, content=body, headers=sent, extensions={"sni_hostname": host}
            )
    except httpx.HTTPError as error:
        raise NotDelivered(f"{host} can't be reached: {error or type(error).__name__}.") from error
    if not answer.is_success:
        raise NotDelivered(f"{host} answered {answer.status_code} {answer.reason_phrase}.")


async def _look_up(host: str, port: int) -> Sequence[str]:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotDelivered(f"{host} can't be looked up: {error}.") from error
    return [str(entry[4][0]) for entry in found]


def _allowed(addresses: Sequence[str], host: str, *, is_plain: bool) -> str:
    """Return the address to connect to: the one that was checked, whatever the name means later."""
    for address in addresses:
        parsed = ipaddress.ip_address(address.partition("%")[0])
        inner = getattr(parsed, "ipv4_mapped", None) or parsed
        if inner.is_link_local or inner.is_multicast or inner.is_unspecified:
            continue
        if is_plain and inner.is_global:
            raise NotDelivered(f"{host} is on the Internet: use https://.")
        return address
    raise NotDelivered(f"{host} is at {', '.join(addresses) or 'no address'}, which is refused.")


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in: `smtp[s]://[user:password@]host[:port]`."""

    url: str
    sender: str

    async def send(self, message: EmailMessage, to: str, trust: ssl.SSLContext) -> None:
        """Hand a mail in, off the loop.

        Raises:
            NotDelivered: the server did not take it.
        """
        message["From"], message["To"] = self.sender, to
        await asyncio.to_thread(self._send, message, trust)

    def _send(self, message: EmailMessage, trust: ssl.SSLContext) -> None:
        parts = urlsplit(self.url)
        host, port = parts.hostname or "", parts.port or _USUAL_PORTS[parts.scheme]
        try:
            with self._connection(host, port, parts.scheme, trust) as server:
                if parts.username is not None:
                    server.login(unquote(parts.username), unquote(parts.password or ""))
                server.send_message(message)
        except (smtplib.SMTPException, OSError) as error:
            raise NotDelivered(f"The mail server {host}:{port} says: {_said(error)}") from error

    def _connection(self, host: str, port: int, scheme: str, trust: ssl.SSLContext) -> smtplib.SMTP:
        """Return a connection that is encrypted wherever the server can, and always for a login."""
        if scheme == "smtps":
            return smtplib.SMTP_SSL(host, port, timeout=_SECONDS, context=trust)
        server = smtplib.SMTP(host, port, timeout=_SECONDS)
        server.ehlo()
        if server.has_extn("starttls"):
            server.starttls(context=trust)
            server.ehlo()
        elif urlsplit(self.url).username is not None:
            server.close()
            raise smtplib.SMTPException("It offers no encryption, so no password is sent to it.")
        return server


def _said(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        words = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        return f"{error.smtp_code} {words}"[:300]
    return str(error)[:300] or type(error).__name__
