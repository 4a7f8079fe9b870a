"""The table of prices."""

from datetime import datetime

from sqlalchemy import Float, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from vllm_manager.db import Base


class UsagePrice(Base):
    """What a million tokens of a model cost from one day on, until its next row begins.

    `first_day` counts days since 1970 (UTC). None: cached tokens cost what others do.
    """

    __tablename__ = "usage_prices"

    model: Mapped[str] = mapped_column(String(255), primary_key=True)
    first_day: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    input: Mapped[float] = mapped_column(Float(53))
    cached_input: Mapped[float | None] = mapped_column(Float(53))
    output: Mapped[float] = mapped_column(Float(53))
    updated_at: Mapped[datetime]
