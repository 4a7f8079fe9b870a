"""The tables of usage: who asked what, sums by hour and by day, and the batches already counted."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, Integer, String, Table, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from vllm_manager.db import Base
from vllm_manager.limits.durations import BUCKETS

COUNTERS = (
    "requests",
    "errors",
    "server_errors",
    "client_left",
    "cancelled",
    "limited",
    "turned_away",
    "refused",
    "prompt_tokens",
    "completion_tokens",
    "cached_tokens",
    "latency_ms",
    "ttft_ms",
)
LATENCY = tuple(f"latency_{number}" for number in range(BUCKETS))
TTFT = tuple(f"ttft_{number}" for number in range(BUCKETS))
SUMMED = (*COUNTERS, *LATENCY, *TTFT)
"""Every column of a sum: two rows become one by adding each of them."""


def _sums(name: str, period: str) -> Table:
    """Return a table of sums, clustered by period: a span is read as one piece."""
    return Table(
        name,
        Base.metadata,
        Column(period, Integer, primary_key=True, autoincrement=False),
        Column("series_id", Integer, primary_key=True, autoincrement=False),
        *(Column(each, BigInteger, nullable=False, server_default="0") for each in COUNTERS),
        *(Column(each, Integer, nullable=False, server_default="0") for each in (*LATENCY, *TTFT)),
        sqlite_with_rowid=False,
    )


SERIES = Table(
    "usage_series",
    Base.metadata,
    Column("id", Integer, primary_key=True),
    Column("key_id", String(40), nullable=False),
    Column("user_id", String(40), nullable=False),
    Column("team_id", String(40), nullable=False),
    Column("model", String(255), nullable=False),
    Column("base", String(255), nullable=False, server_default=""),
    UniqueConstraint("key_id", "user_id", "team_id", "model", "base"),
)
"""Who asked what, so that sums need not repeat it. `key_id` is empty for requests made with a
login session, `team_id` where there is no team, `base` where the model is no adapter."""

BY_HOUR = _sums("usage_by_hour", "hour")
"""Of the last weeks. `hour` counts whole hours since 1970 (UTC)."""

BY_DAY = _sums("usage_by_day", "day")
"""Of every day, today included. `day` counts days since 1970 (UTC)."""


class UsageBatch(Base):
    """The id of a batch that was counted, so that it is never counted twice.

    Kept until the gateway says that it has deleted the batch.
    """

    __tablename__ = "usage_batches"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    received_at: Mapped[datetime] = mapped_column(index=True)
