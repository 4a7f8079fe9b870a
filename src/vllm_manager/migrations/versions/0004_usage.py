"""Usage by hour and by day, who asked apart from the sums, status, durations and prices."""

import sqlalchemy as sa
from alembic import op

revision = "0004_usage"
down_revision = "0003_samples"

_COUNTERS = (
    "requests",
    "errors",
    "server_errors",
    "client_left",
    "prompt_tokens",
    "completion_tokens",
    "cached_tokens",
    "latency_ms",
    "ttft_ms",
)
_KEPT = ("requests", "errors", "prompt_tokens", "completion_tokens", "cached_tokens")
_WHO = "key_id, user_id, team_id, model"


def upgrade() -> None:
    _create_series()
    _create_sums("usage_by_hour", "hour")
    _create_sums("usage_by_day", "day")
    _create_prices()
    _copy()
    op.drop_index(op.f("ix_usage_hours_day"), table_name="usage_hours")
    op.drop_table("usage_hours")


def _create_series() -> None:
    op.create_table(
        "usage_series",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key_id", sa.String(length=40), nullable=False),
        sa.Column("user_id", sa.String(length=40), nullable=False),
        sa.Column("team_id", sa.String(length=40), nullable=False),
        sa.Column("model", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage_series")),
        sa.UniqueConstraint(
            "key_id", "user_id", "team_id", "model", name=op.f("uq_usage_series_key_id")
        ),
    )


def _create_sums(name: str, period: str) -> None:
    buckets = [f"{figure}_{number}" for figure in ("latency", "ttft") for number in range(15)]
    op.create_table(
        name,
        sa.Column(period, sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("series_id", sa.Integer(), autoincrement=False, nullable=False),
        *(_zero(each, sa.BigInteger()) for each in _COUNTERS),
        *(_zero(each, sa.Integer()) for each in buckets),
        sa.PrimaryKeyConstraint(period, "series_id", name=op.f(f"pk_{name}")),
        sqlite_with_rowid=False,
    )


def _zero(name: str, kind: sa.Integer) -> sa.Column[int]:
    return sa.Column(name, kind, server_default="0", nullable=False)


def _create_prices() -> None:
    op.create_table(
        "usage_prices",
        sa.Column("model", sa.String(length=255), nullable=False),
        sa.Column("first_day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("input", sa.Float(precision=53), nullable=False),
        sa.Column("cached_input", sa.Float(precision=53), nullable=True),
        sa.Column("output", sa.Float(precision=53), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("model", "first_day", name=op.f("pk_usage_prices")),
    )


def _copy() -> None:
    """Keep what was counted. Of errors it was not told which class they were of: they stay errors
    of clients; how long requests took was not kept."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    seconds = "strftime('%s', u.hour)" if is_sqlite else "extract(epoch from u.hour)"
    kept = ", ".join(_KEPT)
    op.execute(f"INSERT INTO usage_series ({_WHO}) SELECT DISTINCT {_WHO} FROM usage_hours")
    for table, period, length in (("usage_by_hour", "hour", 3600), ("usage_by_day", "day", 86400)):
        number = f"CAST({seconds} AS INTEGER) / {length}"
        sums = ", ".join(f"sum(u.{name})" for name in _KEPT)
        who = " AND ".join(f"u.{each} = s.{each}" for each in _WHO.split(", "))
        op.execute(
            f"INSERT INTO {table} ({period}, series_id, {kept}) "
            f"SELECT {number}, s.id, {sums} FROM usage_hours u JOIN usage_series s ON {who} "
            f"GROUP BY {number}, s.id"
        )
