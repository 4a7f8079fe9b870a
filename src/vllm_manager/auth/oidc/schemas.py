"""What single sign-on says and hears over HTTP."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from vllm_manager.auth.schemas import SessionView

_STATE = "pmn8XNzQ0Yz2nS4vT7wB9zC3fG5hJ-LpKuEoAaNxMs0"


def _with(example: dict[str, Any], extra: Any = "forbid") -> ConfigDict:
    return ConfigDict(extra=extra, json_schema_extra={"examples": [example]})


class OidcView(BaseModel):
    """Whether there is single sign-on, and what it is called."""

    model_config = _with({"enabled": True, "name": "Example Company"}, "ignore")

    enabled: bool
    name: str | None = Field(description="What the button says; null where there is none.")


class OidcStart(BaseModel):
    """Where the person was going."""

    model_config = _with({"return_to": "/deployments/demo"})

    return_to: str | None = Field(
        default=None,
        max_length=2048,
        description="A page of this interface; what is no such page counts as the first one.",
    )


class OidcStarted(BaseModel):
    """Where to send the browser."""

    model_config = _with(
        {"url": f"https://login.example.org/authorize?response_type=code&state={_STATE}"}, "ignore"
    )

    url: str


class OidcReturn(BaseModel):
    """What stood in the address with which the provider sent the browser back."""

    model_config = _with({"state": _STATE, "code": "SplxlOBeZQQYbYS6WxSbIA"})

    state: str = Field(max_length=512)
    code: str | None = Field(default=None, max_length=8192)
    error: str | None = Field(default=None, max_length=512)
    error_description: str | None = Field(default=None, max_length=4096)
    iss: str | None = Field(default=None, max_length=512, description="RFC 9207.")


class OidcFinished(BaseModel):
    """The login, and the page to go on with."""

    model_config = _with(
        {
            "session": SessionView.model_config["json_schema_extra"]["examples"][0],  # pyright: ignore
            "return_to": "/deployments/demo",
        },
        "ignore",
    )

    session: SessionView
    return_to: str
