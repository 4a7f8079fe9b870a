"""Usage tells requests that were cancelled, and those that the gateway refused, by why."""

import sqlalchemy as sa
from alembic import op

revision = "0007_refusals"
down_revision = "0006_priority_of_keys"


def upgrade() -> None:
    for table in ("usage_by_hour", "usage_by_day"):
        for name in ("cancelled", "limited", "turned_away", "refused"):
            column = sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)
            op.add_column(table, column)
