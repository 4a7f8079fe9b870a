"""Access: users, keys, login sessions, and who a credential stands for."""

from vllm_manager.auth.first_start import ensure_administrator
from vllm_manager.auth.schemas import ROLES, Caller, KeyFact, Principal, Role, SessionFact
from vllm_manager.auth.service import Access

__all__ = [
    "ROLES",
    "Access",
    "Caller",
    "KeyFact",
    "Principal",
    "Role",
    "SessionFact",
    "ensure_administrator",
]
