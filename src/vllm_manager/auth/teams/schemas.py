"""What teams look like to a client."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from vllm_manager.auth.schemas import Role

TeamName = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
        description="Lower-case letters, digits and dashes; at most 63.",
    ),
]


class TeamCreate(BaseModel):
    """A team to make."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"name": "search"}]})

    name: TeamName


class Member(BaseModel):
    """A user in a team."""

    user_id: str
    username: str
    role: Role
    since: datetime


class TeamDetails(BaseModel):
    """A team and who is in it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "team_01kb2m3n4p5q6r7s8t9v0w1x2y",
                    "name": "search",
                    "created_at": "2026-11-23T10:00:00Z",
                    "members": [
                        {
                            "user_id": "usr_01kb2m3n4p5q6r7s8t9v0w1x2y",
                            "username": "anna",
                            "role": "member",
                            "since": "2026-11-23T10:05:00Z",
                        }
                    ],
                }
            ]
        }
    )

    id: str
    name: str
    created_at: datetime
    members: list[Member] = Field(description="The longest membership first.")
