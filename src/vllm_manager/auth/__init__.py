"""Access: users, keys, login sessions, and who a credential stands for."""

from vllm_manager.auth.first_start import ensure_administrator
from vllm_manager.auth.in_force import InForce, KeyFact, SessionFact
from vllm_manager.auth.schemas import ROLES, Actor, Caller, Principal, Role
from vllm_manager.auth.service import Access

__all__ = [
    "ROLES",
    "Access",
    "Actor",
    "Caller",
    "InForce",
    "KeyFact",
    "Principal",
    "Role",
    "SessionFact",
    "ensure_administrator",
]
