"""The database's schema over time: checked at each start, changed only when it is behind."""

from vllm_manager.migrations.schema import head_revision
from vllm_manager.migrations.upgrade import upgrade

__all__ = ["head_revision", "upgrade"]
