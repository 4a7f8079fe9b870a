"""Alembic's environment: runs the revisions on the connection that `upgrade` or a test hands in."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from vllm_manager.db import UtcDateTime
from vllm_manager.migrations.metadata import METADATA


def _render(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Revisions hold plain types, so that they outlive the code of today."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    # On SQLite, too, a migration is one transaction: `db.session` begins it by hand.
    transactional_ddl=True,
    render_item=_render,
)
with context.begin_transaction():
    context.run_migrations()
