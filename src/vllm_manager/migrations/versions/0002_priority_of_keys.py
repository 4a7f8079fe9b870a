"""Keys have a priority, by which their requests wait."""

import sqlalchemy as sa
from alembic import op

revision = "0002_priority_of_keys"
down_revision = "0001_initial"


def upgrade() -> None:
    op.add_column(
        "keys",
        sa.Column("priority", sa.String(length=8), server_default="normal", nullable=False),
    )
