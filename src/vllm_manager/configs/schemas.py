"""What an engine argument looks like to a client."""

from typing import Any, Literal

from pydantic import BaseModel, Field


class ArgumentInfo(BaseModel):
    """One argument of the engine, as the engine itself describes it."""

    name: str
    flag: str
    aliases: list[str] = Field(default_factory=list[str])
    type: Literal["integer", "number", "string", "boolean", "json", "list"]
    choices: list[Any] | None = None
    default: Any = None
    help: str | None = None
    reserved: str | None = Field(default=None, description="Why it can't be set; null if it can.")
