"""Keys say whether they open the REST API beside the models."""

import sqlalchemy as sa
from alembic import op

revision = "0005_key_management"
down_revision = "0004_usage"


def upgrade() -> None:
    op.add_column("keys", sa.Column("management", sa.Boolean(), nullable=True))


def downgrade() -> None:
    op.drop_column("keys", "management")
