"""The audit log: who did what to what, when and from where, in a chain that shows any change."""

from vllm_manager.audit.schemas import Attempt, AuditEntry, ChainReport, Outcome
from vllm_manager.audit.service import AuditLog

__all__ = ["Attempt", "AuditEntry", "AuditLog", "ChainReport", "Outcome"]
