"""The tables of usage: hourly sums, and the batches that were already counted."""

from datetime import date, datetime

from sqlalchemy import BigInteger, Date, String
from sqlalchemy.orm import Mapped, mapped_column

from vllm_manager.db import Base


class UsageHour(Base):
    """What one key of one user of one team asked of one model within one hour.

    `key_id` is empty for requests made with a login session, `team_id` where there is no team.
    """

    __tablename__ = "usage_hours"

    hour: Mapped[datetime] = mapped_column(primary_key=True)
    key_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    user_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    team_id: Mapped[str] = mapped_column(
        String(40), primary_key=True, default="", server_default=""
    )
    model: Mapped[str] = mapped_column(String(255), primary_key=True)
    day: Mapped[date] = mapped_column(Date, index=True)
    requests: Mapped[int] = mapped_column(BigInteger)
    errors: Mapped[int] = mapped_column(BigInteger)
    prompt_tokens: Mapped[int] = mapped_column(BigInteger)
    completion_tokens: Mapped[int] = mapped_column(BigInteger)
    cached_tokens: Mapped[int] = mapped_column(BigInteger)


class UsageBatch(Base):
    """The id of a batch that was counted, so that it is never counted twice."""

    __tablename__ = "usage_batches"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    received_at: Mapped[datetime] = mapped_column(index=True)
