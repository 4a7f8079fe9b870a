"""The database: declarative base, engine and session factory, unit of work, lease."""

from vllm_manager.db.base import Base, UtcDateTime
from vllm_manager.db.lease import Lease
from vllm_manager.db.session import Database

__all__ = ["Base", "Database", "Lease", "UtcDateTime"]
