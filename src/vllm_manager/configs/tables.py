"""Tables of configs: their names, and their versions, which are written once."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from vllm_manager.db import Base


class ConfigRow(Base):
    """One config and the number of its newest version."""

    __tablename__ = "configs"

    name: Mapped[str] = mapped_column(String(63), primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class ConfigVersionRow(Base):
    """One version of a config."""

    __tablename__ = "config_versions"

    name: Mapped[str] = mapped_column(
        String(63), ForeignKey("configs.name", ondelete="CASCADE"), primary_key=True
    )
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    recipe: Mapped[dict[str, Any]]
    message: Mapped[str | None] = mapped_column(String(500))
    author: Mapped[str | None] = mapped_column(String(64))
    at: Mapped[datetime]
