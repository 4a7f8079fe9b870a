"""What was measured is kept: packed blocks, and the minutes of the hour that is not over."""

import sqlalchemy as sa
from alembic import op

revision = "0006_samples"
down_revision = "0001_initial"


def upgrade() -> None:
    op.create_table(
        "metric_blocks",
        sa.Column("tier", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("figure", sa.String(length=64), nullable=False),
        sa.Column("start", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tier", "figure", "start", name=op.f("pk_metric_blocks")),
    )
    op.create_table(
        "metric_minutes",
        sa.Column("start", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("start", name=op.f("pk_metric_minutes")),
    )
