"""Teams: users whose use of models is counted and limited together."""

from vllm_manager.auth.teams.schemas import TeamDetails
from vllm_manager.auth.teams.service import Teams

__all__ = ["TeamDetails", "Teams"]
