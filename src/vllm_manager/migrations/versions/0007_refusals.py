"""Usage tells what was cancelled, and refused by why; and of which model an adapter is."""

import sqlalchemy as sa
from alembic import op

revision = "0007_refusals"
down_revision = "0006_priority_of_keys"


def upgrade() -> None:
    for table in ("usage_by_hour", "usage_by_day"):
        for name in ("cancelled", "limited", "turned_away", "refused"):
            column = sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)
            op.add_column(table, column)
    _add_base()


def _add_base() -> None:
    unique = op.f("uq_usage_series_key_id")
    column = sa.Column("base", sa.String(length=255), server_default="", nullable=False)
    with op.batch_alter_table("usage_series") as batch:
        batch.add_column(column)
        batch.drop_constraint(unique, type_="unique")
        batch.create_unique_constraint(unique, ["key_id", "user_id", "team_id", "model", "base"])
