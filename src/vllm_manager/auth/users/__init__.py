"""Users: people and service accounts, their roles, and how they come in."""

from vllm_manager.auth.users.schemas import LinkIssued, UserDetails
from vllm_manager.auth.users.service import Users

__all__ = ["LinkIssued", "UserDetails", "Users"]
