"""The tables of alerts: what is or was on, who wants quiet, who is told, and what is to be told."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from vllm_manager.db import Base
from vllm_manager.monitoring.alerts.states import SUBJECT_LENGTH


class AlertRow(Base):
    """One time that a rule's condition held for one subject."""

    __tablename__ = "alerts"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    active_key: Mapped[str | None] = mapped_column(String(512), unique=True)
    """Rule and subject while it is on: one alert of a kind at a time."""
    rule: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(SUBJECT_LENGTH))
    severity: Mapped[str] = mapped_column(String(16))
    title: Mapped[str] = mapped_column(String(255))
    detail: Mapped[str] = mapped_column(Text)
    remediation: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    since: Mapped[datetime]
    updated_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None] = mapped_column(index=True)
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by: Mapped[str | None] = mapped_column(String(64))
    note: Mapped[str | None] = mapped_column(Text)


class SilenceRow(Base):
    """Until when nobody is told about alerts of a rule, a subject, both, or any."""

    __tablename__ = "alert_silences"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    rule: Mapped[str | None] = mapped_column(String(64))
    subject: Mapped[str | None] = mapped_column(String(255))
    reason: Mapped[str] = mapped_column(Text)
    created_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    ends_at: Mapped[datetime] = mapped_column(index=True)


class ReceiverRow(Base):
    """Who is told: an address on the web or of mail. What may hold a secret is sealed."""

    __tablename__ = "alert_receivers"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(16))
    sealed_target: Mapped[str] = mapped_column(Text)
    shown_target: Mapped[str] = mapped_column(String(255))
    sealed_secret: Mapped[str | None] = mapped_column(Text)
    least_severity: Mapped[str] = mapped_column(String(16))
    is_enabled: Mapped[bool]
    created_at: Mapped[datetime]
    delivered_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(Text)


class DeliveryRow(Base):
    """One message that a receiver is owed. Written with what it tells of, gone once delivered."""

    __tablename__ = "alert_deliveries"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    alert_id: Mapped[str] = mapped_column(ForeignKey("alerts.id", ondelete="CASCADE"), index=True)
    receiver_id: Mapped[str] = mapped_column(
        ForeignKey("alert_receivers.id", ondelete="CASCADE"), index=True
    )
    event: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime]
    due_at: Mapped[datetime] = mapped_column(index=True)
    tries: Mapped[int] = mapped_column(Integer)
