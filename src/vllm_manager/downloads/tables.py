"""Tables of downloads: what was asked for and how far it is, and the files of each."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
)
from sqlalchemy.orm import Mapped, mapped_column

from vllm_manager.db import Base


class DownloadRow(Base):
    """One download. Its state is what is wanted of it, and what is seen of it by whoever acts."""

    __tablename__ = "downloads"
    __table_args__ = (Index("ix_downloads_repo_state", "repo", "state"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    repo: Mapped[str] = mapped_column(String(200))
    revision: Mapped[str] = mapped_column(String(128))
    commit: Mapped[str | None] = mapped_column(String(64))
    include: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    state: Mapped[str] = mapped_column(String(16), index=True)
    message: Mapped[str | None] = mapped_column(Text)
    bytes_done: Mapped[int] = mapped_column(BigInteger, default=0)
    bytes_total: Mapped[int | None] = mapped_column(BigInteger)
    files_done: Mapped[int] = mapped_column(Integer, default=0)
    files_total: Mapped[int | None] = mapped_column(Integer)
    priority: Mapped[int] = mapped_column(Integer, default=0)
    needs_sweep: Mapped[bool] = mapped_column(Boolean, default=False)
    """It was cancelled, and its partial files are still to be removed."""
    error: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    operation_id: Mapped[str] = mapped_column(String(40))
    user_id: Mapped[str | None] = mapped_column(String(40))
    """Whose token of the Hub is used; null for the installation's."""
    created_by: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(Integer, default=0)
    """Grows with each change of the state; a writer that read an older one writes nothing."""


class DownloadFilesRow(Base):
    """The files of one download, packed: ten thousand of them are one read, not ten thousand."""

    __tablename__ = "download_files"

    download_id: Mapped[str] = mapped_column(
        String(40), ForeignKey("downloads.id", ondelete="CASCADE"), primary_key=True
    )
    packed: Mapped[bytes] = mapped_column(LargeBinary)
