"""The one error shape of the product: an RFC 9457 problem, raised where it is understood."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field


class FieldError(BaseModel):
    """What is wrong with one field of a request."""

    field: str = Field(description="Path of the field, dotted: `resources.gpus`.")
    message: str = Field(description="What is wrong, in a sentence.")
    suggestion: str | None = Field(
        default=None, description="A value that would work, where one is known."
    )


class Cause(BaseModel):
    """One link of the chain that led to the problem."""

    message: str
    evidence: str | None = Field(
        default=None, description="The line (of a log, of Ray) that proves it."
    )


RemedyAction = Literal[
    "none",
    "set_argument",
    "restart",
    "open",
    "visit",
    "refetch",
    "download",
    "set_token",
    "stop",
    "scale",
    "rotate",
]


class Remedy(BaseModel):
    """An action that mends the problem, offered as a button where it can be done for the person."""

    label: str = Field(description="What to do, in the imperative.")
    action: RemedyAction = Field(
        default="none",
        description="`open`: a page of ours; `visit`: an address elsewhere; `scale`: another "
        "number of replicas; `rotate`: a new key in the place of one; `stop` of the deployment "
        "itself: its end. All others but `none` end with starting the deployment again: after a "
        "setting, after a model's damaged files were found and asked for again, "
        "after its download was asked for, after the Hub's token "
        "was given, after another deployment has stopped.",
    )
    arguments: dict[str, Any] = Field(
        default_factory=dict[str, Any],
        description="`{name, value, also}` for `set_argument` (`also`: other settings by name that "
        "must go with it; may be missing), `{path}` for `open`, `{url}` for `visit`, `{model_id}` "
        "for `refetch`, `{repo, revision}` for `download`, `{scope}` for `set_token`, `{name}` "
        "for `stop`, `{replicas}` for `scale`, `{key_id, name, owner, days}` for `rotate` (`days`: "
        "how long the new key works).",
    )


class ProblemDetails(BaseModel):
    """RFC 9457 problem details with this product's members."""

    type: str = Field(description="URI of the kind of problem.")
    title: str
    status: int
    detail: str = Field(description="What happened, why, and what to do.")
    code: str = Field(description="Stable machine-readable name of the kind of problem.")
    request_id: str | None = None
    retryable: bool = False
    retry_after_seconds: float | None = None
    errors: list[FieldError] = Field(default_factory=list[FieldError])
    causes: list[Cause] = Field(default_factory=list[Cause])
    remediation: list[Remedy] = Field(default_factory=list[Remedy])


class Problem(Exception):
    """A problem on its way to whoever asked.

    Raised anywhere; `api.problems` turns it into an answer; a deployment keeps it as `last_error`.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        status: int = 400,
        title: str | None = None,
        retryable: bool = False,
        retry_after_seconds: float | None = None,
        errors: list[FieldError] | None = None,
        causes: list[Cause] | None = None,
        remediation: list[Remedy] | None = None,
    ) -> None:
        super().__init__(detail)
        self.details = ProblemDetails(
            type=f"urn:vllm-manager:problem:{code}",
            title=title or code.replace("_", " ").capitalize(),
            status=status,
            detail=detail,
            code=code,
            retryable=retryable,
            retry_after_seconds=retry_after_seconds,
            errors=errors or [],
            causes=causes or [],
            remediation=remediation or [],
        )

    @property
    def code(self) -> str:
        return self.details.code


def not_found(kind: str, name: str, known: list[str] | None = None) -> Problem:
    """Return the problem for a `kind` called `name` that does not exist, naming those that do."""
    hint = f" Known: {', '.join(known[:10])}." if known else ""
    return Problem(f"{kind}_not_found", f"There is no {kind} called “{name}”.{hint}", status=404)


def invalid(errors: list[FieldError], detail: str | None = None) -> Problem:
    """Return the problem for a request with these wrong fields (status 422)."""
    summary = "; ".join(f"{e.field}: {e.message}" for e in errors)
    return Problem(
        "invalid_request", detail or summary, status=422, title="Invalid request", errors=errors
    )
