"""Keys have a priority, by which their requests wait."""

import sqlalchemy as sa
from alembic import op

revision = "0006_priority_of_keys"
down_revision = "0005_key_management"


def upgrade() -> None:
    op.add_column(
        "keys",
        sa.Column("priority", sa.String(length=8), server_default="normal", nullable=False),
    )
