"""Tables of deployments: what is wanted, what happened, how long starts took."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, Float, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from vllm_manager.db import Base


class DeploymentRow(Base):
    """What is wanted of one deployment, and how its present start has gone so far."""

    __tablename__ = "deployments"

    uid: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(String(63), unique=True)
    spec: Mapped[dict[str, Any]]
    applied: Mapped[dict[str, Any] | None]
    """What runs: `spec` and `words` (its engine arguments) as they were when the present generation
    began, and since then `download` (asked for), `folder` (of its files), `trusted`."""
    estimate: Mapped[dict[str, Any] | None]
    """What was said of its memory when it was last created, changed or started."""
    measured: Mapped[dict[str, Any] | None]
    """What the engine said of its memory at the last start that reached ready."""
    desired: Mapped[str] = mapped_column(String(16))
    generation: Mapped[int] = mapped_column(Integer, default=0)
    attempt: Mapped[int] = mapped_column(Integer, default=1)
    failures: Mapped[int] = mapped_column(Integer, default=0)
    """Failures in a row, without a stable time of being ready between them."""
    given_up: Mapped[bool] = mapped_column(Boolean, default=False)
    backing_off: Mapped[bool] = mapped_column(Boolean, default=False)
    last_error: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(Integer, default=1)
    """Grows with each write; a writer that read an older one writes nothing."""


class EventRow(Base):
    """Something that happened to a deployment; kept after its deletion."""

    __tablename__ = "deployment_events"
    __table_args__ = (Index("ix_deployment_events_uid_id", "uid", "id"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    uid: Mapped[str] = mapped_column(String(40))
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(16))
    phase: Mapped[str | None] = mapped_column(String(16))
    message: Mapped[str] = mapped_column(Text)
    problem: Mapped[dict[str, Any] | None]


class StartRow(Base):
    """One start that reached ready, phase by phase: the source of expected times."""

    __tablename__ = "starts"
    __table_args__ = (Index("ix_starts_model_id", "model", "id"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    uid: Mapped[str] = mapped_column(String(40))
    model: Mapped[str] = mapped_column(String(512))
    how: Mapped[str | None] = mapped_column(String(16))
    at: Mapped[datetime]
    seconds: Mapped[float] = mapped_column(Float)
    phases: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
