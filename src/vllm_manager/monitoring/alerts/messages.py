"""What receivers are told: the body of a webhook, its signature, and a mail."""

import hashlib
import hmac
from email.message import EmailMessage
from typing import Any

import orjson

from vllm_manager.monitoring.alerts.schemas import Alert, Event

_WORDS = {"fired": "", "resolved": "Over: ", "test": "Test: "}


def headline(event: Event, alert: Alert) -> str:
    """Return the alert in a line."""
    return f"{_WORDS[event]}{alert.title}"


def webhook_body(event: Event, delivery_id: str, alert: Alert, url: str | None) -> bytes:
    """Return the JSON that a webhook gets. `text` is what Slack, Mattermost and others show."""
    lines = [headline(event, alert), alert.detail, *([url] if url else [])]
    body: dict[str, Any] = {
        "id": delivery_id,
        "event": event,
        "text": "\n".join(lines),
        "url": url,
        "alert": alert.model_dump(mode="json"),
    }
    return orjson.dumps(body)


def signature(secret: str, body: bytes) -> str:
    """Return the HMAC-SHA256 of `body` in hexadecimal, as `sha256=…`."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def mail(event: Event, delivery_id: str, alert: Alert, url: str | None) -> EmailMessage:
    """Return a plain mail without sender and receiver; its id is the delivery's."""
    message = EmailMessage()
    message["Subject"] = f"[vLLM Manager] {headline(event, alert)}"[:200]
    message["Message-ID"] = f"<{delivery_id}@vllm-manager>"
    told = [
        alert.detail,
        f"Since {alert.since:%d %B %Y, %H:%M:%S} UTC",
        *([f"Over since {alert.resolved_at:%d %B %Y, %H:%M:%S} UTC"] if alert.resolved_at else []),
        *(f"→ {remedy.label}" for remedy in alert.remediation if remedy.action != "open"),
        *([url] if url else []),
    ]
    message.set_content("\n\n".join(told) + "\n")
    return message
