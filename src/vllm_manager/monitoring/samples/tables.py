"""The tables of figures: packed blocks, and the minutes of hours that are not packed yet."""

from sqlalchemy import BigInteger, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from vllm_manager.db import Base


class MetricBlock(Base):
    """All series of one figure over one stretch of time; see `blocks.Block`."""

    __tablename__ = "metric_blocks"

    tier: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    """Seconds between values."""
    figure: Mapped[str] = mapped_column(String(64), primary_key=True)
    start: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    """Seconds since 1970."""
    data: Mapped[bytes] = mapped_column(LargeBinary)


class MetricMinute(Base):
    """All series of all figures in one minute, until the hour is over."""

    __tablename__ = "metric_minutes"

    start: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    data: Mapped[bytes] = mapped_column(LargeBinary)
