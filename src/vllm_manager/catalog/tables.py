"""The tables of the catalog: what the hub said, and sealed tokens."""

from datetime import datetime
from typing import Any

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from vllm_manager.db import Base


class HubAnswer(Base):
    """Something the hub said, kept for when it can't be asked."""

    __tablename__ = "hub_answers"

    key: Mapped[str] = mapped_column(String(80), primary_key=True)
    body: Mapped[dict[str, Any]]
    fetched_at: Mapped[datetime] = mapped_column(index=True)


class HubToken(Base):
    """A Hugging Face token, sealed. `owner` is `installation` or a user's id."""

    __tablename__ = "hub_tokens"

    owner: Mapped[str] = mapped_column(String(64), primary_key=True)
    sealed: Mapped[str] = mapped_column(Text)
    last_four: Mapped[str] = mapped_column(String(4))
    set_at: Mapped[datetime]
    account: Mapped[str | None] = mapped_column(String(255))
    tested_at: Mapped[datetime | None]
